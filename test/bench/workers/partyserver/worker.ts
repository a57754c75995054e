import { routePartykitRequest, Server, type Connection, type WSMessage } from "partyserver";

/** Sends each message to everyone with the broadcast of the library. */
export class Room extends Server {
  static override options = { hibernate: true };

  /** The library's own handler logs a line for each connection. */
  override onConnect(): void {}

  override onMessage(_connection: Connection, message: WSMessage): void {
    this.broadcast(message);
  }
}

const handler: ExportedHandler<Cloudflare.Env> = {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/healthz") return new Response("ok");
    return (await routePartykitRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
};

// oxlint-disable-next-line import/no-default-export -- the runtime looks for the handler there
export default handler;
