import { expect, it } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { UNSPENT_VARS } from "../support/budgets.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

/** Half a second of work for a room, which still fits into the network's buffers. */
const FLOOD = 6_000;

/** A machine that is busy with other work takes much longer. */
const FLOOD_TIMEOUT_MS = 90_000;

it("[G10 G1] a room reads a member's message before the waiting frames of a flooding member", async () => {
  await using server = await startBareRuntime({
    vars: {
      ADDRESS_LIMITS: "off",
      HISTORY_MAX_MESSAGES: "100000",
      ...UNSPENT_VARS,
      ROOM_MESSAGES_BURST: "100000",
      ROOM_MESSAGES_PER_SECOND: "10000",
    },
  });
  const room = uniqueRoom();
  const [flooder, quiet] = [await joinWebSocket(server, room), await joinWebSocket(server, room)];

  for (let n = 0; n < FLOOD; n++) flooder.send({ type: "publish", event: "flood", data: n });
  await quiet.inbox.take("message");
  const answer = await quiet.act({ type: "publish", event: "quiet" });
  await flooder.inbox.until(({ messages }) => messages.length === FLOOD + 1, FLOOD_TIMEOUT_MS);

  // The message was sent after the first message of the flood had been delivered.
  expect(answer).toMatchObject({ type: "ack" });
  expect("offset" in answer && answer.offset).toBeLessThan(FLOOD / 2);
  expect(flooder.inbox.messages.flatMap(({ event, data }) => (event === "flood" ? [data] : []))).toEqual(
    Array.from({ length: FLOOD }, (_, n) => n),
  );
});
