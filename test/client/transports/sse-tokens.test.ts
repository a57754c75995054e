import { expect, it } from "vitest";
import { makeDialers } from "../../../src/client/transports/dialers.ts";
import type { Transport, TransportEnd } from "../../../src/client/transports/transport.ts";
import type { WebSocketConstructor } from "../../../src/client/transports/websocket-transport.ts";
import { mayReconnect } from "../../../src/protocol/close-codes.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { settled } from "../support/fake-world.ts";
import { RecordingListener, TARGET, silentStream } from "../support/transports.ts";

/** Opens a stream for which `answer` responds to requests. */
async function dial(answer: (isPost: boolean) => Response): Promise<{
  readonly line: Transport;
  readonly frames: readonly ServerFrame[];
  readonly ends: readonly TransportEnd[];
}> {
  const dialers = makeDialers({
    WebSocket: class {} as unknown as WebSocketConstructor,
    fetch: async (_input, init) => answer(init?.method === "POST"),
    getToken: () => "token",
  });
  const listener = new RecordingListener();
  const line = await dialers.sse(TARGET, listener, () => true);
  await settled();
  return { line, frames: listener.frames, ends: listener.ends };
}

const EXPIRED = { type: "error", code: "token_expired", message: "the token has expired" };

it("[D8] the ack of a renewal is delivered, because it states when to renew again", async () => {
  const ack = { type: "ack", expiresInMs: 60_000 };
  const { line, frames, ends } = await dial((isPost) => (isPost ? Response.json(ack) : silentStream()));

  line.renew("another", "session.key");
  await settled();

  expect(frames).toEqual([ack]);
  expect(ends).toEqual([]);
});

it.each<[string, () => Response]>([
  ["is refused", () => Response.json(EXPIRED, { status: 401 })],
  ["is answered by a proxy", () => new Response("<html>", { status: 502 })],
])("[D8] nothing is reported if a renewal %s, and the stream continues", async (_what, answer) => {
  const { line, frames, ends } = await dial((isPost) => (isPost ? answer() : silentStream()));

  line.renew("another", "session.key");
  await settled();

  expect([frames, ends]).toEqual([[], []]);
});

it("[D5 D7] a client reconnects with another token if a join was rejected because its token had expired", async () => {
  const { frames, ends } = await dial(() => Response.json(EXPIRED, { status: 401 }));

  expect(frames).toEqual([EXPIRED]);
  expect(ends.map(({ code }) => mayReconnect(code))).toEqual([true]);
});

it("[D5] a client does not retry a join whose token is not accepted", async () => {
  const { ends } = await dial(() => Response.json({ ...EXPIRED, code: "token_invalid" }, { status: 401 }));

  expect(ends.map(({ code }) => mayReconnect(code))).toEqual([false]);
});
