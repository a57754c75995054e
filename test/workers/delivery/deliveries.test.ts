import { expect, it } from "vitest";
import type { CloseName } from "../../../src/protocol/close-codes.ts";
import type { Session, Sessions } from "../../../src/room/connections/sessions.ts";
import { Deliveries } from "../../../src/room/delivery/deliveries.ts";
import { combined, type FlushReport } from "../../../src/room/delivery/flush-report.ts";

const EMPTY: FlushReport = { sends: 0, stored: 0, slow: [], stalled: [], answered: [] };

/** A session whose socket keeps the sent frames, or throws as a closed one does. */
function session(isClosed = false): Session & { readonly texts: string[] } {
  const texts: string[] = [];
  const send = (text: string): void => {
    if (isClosed) throw new TypeError("the socket is closed");
    texts.push(text);
  };
  return {
    texts,
    socket: { send },
    record: {},
    sendWindow: { took: () => undefined },
  } as unknown as Session & {
    readonly texts: string[];
  };
}

function deliveries(): { readonly deliveries: Deliveries; readonly closed: [Session, CloseName][] } {
  const closed: [Session, CloseName][] = [];
  const sessions = { close: (of: Session, name: CloseName) => void closed.push([of, name]) };
  return { deliveries: new Deliveries(sessions as unknown as Sessions), closed };
}

it("a report covers everything since the last report, and the next one starts empty", () => {
  const { deliveries: to } = deliveries();
  const [ana, bob] = [session(), session()];
  to.send(ana, "one");
  to.send(ana, "two");
  to.noteStored(3);
  to.noteStalled(bob);
  to.cutOff(ana);

  expect(to.hasChanged).toBe(true);
  expect(to.takeReport()).toEqual({ answered: [], sends: 2, stored: 3, slow: [ana], stalled: [bob] });
  expect(ana.texts).toEqual(["one", "two"]);
  expect(to.hasChanged).toBe(false);
  expect(to.takeReport()).toEqual(EMPTY);
});

it("[G7] a connection that is cut off is closed with slow, unless another reason is given", () => {
  const { deliveries: to, closed } = deliveries();
  const [ana, bob] = [session(), session()];
  to.cutOff(ana);
  to.cutOff(bob, "token_expired");

  expect(closed).toEqual([
    [ana, "slow"],
    [bob, "token_expired"],
  ]);
});

it("a send to a socket that has just closed counts, and does not throw", () => {
  const { deliveries: to } = deliveries();

  expect(() => to.send(session(true), "text")).not.toThrow();
  expect(to.takeReport()).toEqual({ ...EMPTY, sends: 1 });
});

it("two reports combine to one with the sums of their counts and the sessions of both", () => {
  const [ana, bob] = [session(), session()];

  expect(
    combined(
      { sends: 1, stored: 2, slow: [ana], stalled: [], answered: [ana] },
      { sends: 3, stored: 4, slow: [bob], stalled: [bob], answered: [bob] },
    ),
  ).toEqual({ sends: 4, stored: 6, slow: [ana, bob], stalled: [bob], answered: [ana, bob] });
});
