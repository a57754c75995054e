import { describe, expect, it } from "vitest";
import { Backlog } from "../../../../src/room/connections/backlog.ts";

const LIMITS = { maxUnreadBytes: 32_000_000, maxClosing: 10 };

/** A room with one connection, and the number of times its unread bytes were measured. */
function roomWith(unread: number) {
  const room = { unread, asked: 0 };
  const backlog = new Backlog(LIMITS, {
    visit(each) {
      room.asked += 1;
      each(room.unread, "ana");
    },
    unanswered: 0,
    unansweredOf: () => 0,
  });
  return { room, backlog };
}

describe("joins of a room with much unread data", () => {
  it("[J9 L6] the room measures its unread data for joins at most every 100 ms", () => {
    const { room, backlog } = roomWith(10_000_000);

    for (let n = 0; n < 1_000; n++) {
      expect(backlog.refusal({ source: "ana", isReturn: false, now: 1_000 })).toMatchObject({
        code: "room_full",
      });
      expect(backlog.refusal({ source: "bob", isReturn: false, now: 1_099 })).toBeUndefined();
    }
    expect(room.asked).toBe(1);

    room.unread = 0;
    expect(backlog.refusal({ source: "ana", isReturn: false, now: 1_100 })).toBeUndefined();
  });

  it("[J9 L6] a clock that is set back does not keep an old measurement", () => {
    const { room, backlog } = roomWith(10_000_000);
    expect(backlog.refusal({ source: "ana", isReturn: false, now: 86_400_000 })).toMatchObject({
      code: "room_full",
    });

    room.unread = 0;
    expect(backlog.refusal({ source: "ana", isReturn: false, now: 0 })).toBeUndefined();
  });

  it("[J9 L6] the room measures again within 100 ms once it has sent a thirty-second of maxUnreadBytes", () => {
    const { room, backlog } = roomWith(15_500_000);
    expect(backlog.refusal({ source: "bob", isReturn: false, now: 0 })).toBeUndefined();

    backlog.took(999_999);
    expect(backlog.refusal({ source: "bob", isReturn: false, now: 0 })).toMatchObject({ code: "room_busy" });
    expect(room.asked).toBe(1);
    backlog.took(1);
    expect(backlog.refusal({ source: "bob", isReturn: false, now: 0 })).toBeUndefined();
    expect(room.asked).toBe(2);
  });
});
