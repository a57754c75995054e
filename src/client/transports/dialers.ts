import type { Dialect } from "./dialect.ts";
import { tokenFrom, type GetToken } from "../tokens.ts";
import type { Dialer, Target, TransportName } from "./transport.ts";
import { WebSocketTransport, type WebSocketConstructor } from "./websocket-transport.ts";

/** The options that connections use. */
export interface DialerOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly dialect?: Dialect | undefined;
  readonly fetch: typeof fetch;
  readonly getToken?: GetToken | undefined;
}

/** How to start a connection, by the transport's name. */
export type Dialers = Readonly<Record<TransportName, Dialer>>;

/** Opens real connections. The code for SSE and for long-poll is loaded when it is first needed. */
export function makeDialers({ WebSocket, dialect, fetch: fetch_, getToken }: DialerOptions): Dialers {
  // An attempt that was cancelled while its token was requested is not sent. It could only arrive late. Nobody sees its error.
  const complete = async (target: Target, isWanted: () => boolean): Promise<Target> => {
    const token = await tokenFrom(getToken);
    if (!isWanted()) throw new Error("cancelled");
    return { ...target, token };
  };
  return {
    websocket: async (target, listener, isWanted) =>
      new WebSocketTransport(await complete(target, isWanted), listener, WebSocket, dialect),
    sse: async (target, listener, isWanted) => {
      const { sseTransport } = await import("./sse-transport.ts");
      return sseTransport(await complete(target, isWanted), listener, fetch_);
    },
    "long-poll": async (target, listener, isWanted) => {
      const { longPollTransport } = await import("./long-poll-transport.ts");
      return longPollTransport(await complete(target, isWanted), listener, fetch_);
    },
  };
}
