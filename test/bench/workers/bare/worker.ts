import { DurableObject } from "cloudflare:workers";

interface Env {
  readonly ROOM: DurableObjectNamespace;
}

/** The minimum that a room with hibernatable WebSockets can do: a loop sends each message to every socket. */
export class Room extends DurableObject {
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(_socket: WebSocket, message: string | ArrayBuffer): void {
    for (const each of this.ctx.getWebSockets()) if (each.readyState === WebSocket.OPEN) each.send(message);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    // 1005 and 1006 mean that there was no code, so they cannot be sent.
    socket.close(code === 1005 || code === 1006 ? undefined : code);
  }
}

const handler: ExportedHandler<Env> = {
  fetch(request, { ROOM }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    return ROOM.get(ROOM.idFromName(pathname)).fetch(request);
  },
};

// oxlint-disable-next-line import/no-default-export -- the runtime looks for the handler there
export default handler;
