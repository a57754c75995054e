import { routePartykitRequest, Server, type Connection, type WSMessage } from "partyserver";

/** Sends each message to everyone, with what the library has for it. */
export class Room extends Server {
  static override options = { hibernate: true };

  /** The library's own writes a line for each. */
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
