import { expect, it } from "vitest";
import { ClosedSockets } from "../../../../src/room/connections/closed-sockets.ts";

const NOW = 1_000_000;
const MINUTE = 60_000;
const FIVE_MINUTES = 300_000;

/** A socket whose queue the runtime reports. One process cannot produce data that stays queued after a close. */
function socketWith(bufferedAmount: number): WebSocket {
  return { bufferedAmount } as unknown as WebSocket;
}

/** The unread bytes that are counted, by source. */
function counted(closed: ClosedSockets): Record<string, number> {
  const bySource: Record<string, number> = {};
  closed.visit((bytes, source = "") => {
    bySource[source] = (bySource[source] ?? 0) + bytes;
  });
  return bySource;
}

it("[J9] a closed connection counts with its queued data against its source, until its client answers", () => {
  const closed = new ClosedSockets();
  const [first, second] = [socketWith(0), socketWith(500)];
  closed.add(first, { source: "ana", unread: 9 });
  closed.add(second, { source: "ben" });

  expect(counted(closed)).toEqual({ ana: 0, ben: 500 });
  expect([closed.unanswered, closed.unansweredOf("ana", NOW), closed.unansweredOf("eve", NOW)]).toEqual([
    2, 1, 0,
  ]);
  closed.ended(first, NOW);
  expect(closed.unanswered).toBe(1);
});

it("[J9] an unanswered close counts against its source for a minute from the next join on, and for the room until its client answers", () => {
  const closed = new ClosedSockets();
  closed.add(socketWith(0), { source: "ana" });
  closed.dropOverdue(NOW);
  closed.add(socketWith(0), { source: "ana" });

  expect(closed.unansweredOf("ana", NOW + MINUTE - 1)).toBe(2);
  closed.dropOverdue(NOW + MINUTE - 1);
  expect(closed.unansweredOf("ana", NOW + MINUTE)).toBe(1);
  expect(closed.unansweredOf("ana", NOW + 2 * MINUTE)).toBe(0);
  expect(closed.unanswered).toBe(2);
});

it("[J9] a connection whose client closed it with data queued counts for five minutes, and not as unanswered", () => {
  const closed = new ClosedSockets();
  const socket = socketWith(500);
  closed.add(socket, { source: "ana" });
  closed.ended(socket, NOW);

  expect(closed.unanswered).toBe(0);
  closed.dropOverdue(NOW + FIVE_MINUTES - 1);
  expect(counted(closed)).toEqual({ ana: 500 });
  closed.dropOverdue(NOW + FIVE_MINUTES);
  expect(counted(closed)).toEqual({});
});

it("[J9] a clock that is set back does not prolong the time for which a closed connection counts", () => {
  const closed = new ClosedSockets();
  const socket = socketWith(500);
  closed.add(socket, { source: "ana" });
  closed.ended(socket, NOW);

  closed.dropOverdue(NOW - 1);

  expect(counted(closed)).toEqual({});
});

it("[J9] where the runtime reports nothing, a closed connection counts with the bytes it was sent until its client answers", () => {
  const closed = new ClosedSockets();
  const socket = {} as WebSocket;
  closed.add(socket, { source: "ana", unread: 700 });

  expect(counted(closed)).toEqual({ ana: 700 });
  closed.ended(socket, NOW);
  expect(counted(closed)).toEqual({});
});
