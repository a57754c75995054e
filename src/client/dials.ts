import type { Dialect } from "./dialect.ts";
import { tokenFrom, type GetToken } from "./tokens.ts";
import type { Dial, Target, TransportName } from "./transport.ts";
import { WebSocketTransport, type WebSocketConstructor } from "./websocket-transport.ts";

/** What connections are made with. */
export interface Means {
  readonly WebSocket: WebSocketConstructor;
  readonly dialect?: Dialect | undefined;
  readonly fetch: typeof fetch;
  readonly getToken: GetToken | undefined;
}

/** How to start a connection, by the transport's name. */
export type Dials = Readonly<Record<TransportName, Dial>>;

/** Makes real connections. The code for SSE is loaded when it is first needed. */
export function makeDials({ WebSocket, dialect, fetch: fetch_, getToken }: Means): Dials {
  const withToken = async (target: Target): Promise<Target> => ({
    ...target,
    token: await tokenFrom(getToken),
  });
  return {
    websocket: async (target, listener) =>
      new WebSocketTransport(await withToken(target), listener, WebSocket, dialect),
    sse: async (target, listener) => {
      const { SseTransport } = await import("./sse-transport.ts");
      return new SseTransport(await withToken(target), listener, fetch_);
    },
  };
}
