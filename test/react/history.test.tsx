import type { ReactElement } from "react";
import { describe, expect, it, vi } from "vitest";
import { useHistory, type HistoryOptions, type RoomHistory } from "../../src/react/index.ts";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { FakeTransport, SentItem } from "../client/support/fake-transport.ts";
import { change, Page } from "./support/render.tsx";
import { Rooms } from "./support/rooms.tsx";

function message(offset: number, event = "chat"): ServerFrame & { readonly type: "message" } {
  return { type: "message", offset, time: 1, from: "ana", event, data: offset };
}

/** A request for history, as rule A8 of PROTOCOL.md describes it. */
interface HistoryRequest {
  readonly type: string;
  readonly ref: number;
  readonly before?: number;
  readonly limit: number;
}

/** The history of a room. */
class Log {
  /** The requests, each as its `limit` and `before`. */
  readonly requests: string[] = [];
  isForbidden = false;
  messages = Array.from({ length: 9 }, (_, index) => message(index + 1));
  readonly #answered = new Set<number>();

  /** Answers all requests until a page shows a text. Returns the text. */
  async answerUntil(text: string, { page, rooms }: Pick<Shown, "page" | "rooms">): Promise<string> {
    await vi.waitFor(async () => {
      await change(() => {
        for (const item of rooms.transport.items as readonly SentItem[]) {
          if (item.type === "history") this.#answer(item as unknown as HistoryRequest, rooms.transport);
        }
      });
      if (page.text !== text) throw new Error(`the page shows ${page.text}`);
    });
    return page.text;
  }

  #answer({ ref, before, limit }: HistoryRequest, transport: FakeTransport): void {
    if (this.#answered.has(ref)) return;
    this.#answered.add(ref);
    this.requests.push(before === undefined ? `${limit}` : `${limit} before ${before}`);
    const range = this.messages.filter(({ offset = 0 }) => offset < (before ?? Infinity));
    const messages = range.slice(-limit);
    const more = messages.length < range.length;
    transport.deliver(
      this.isForbidden
        ? { type: "error", ref, code: "forbidden", message: "no" }
        : { type: "history", ref, messages, more, ...(more && { next: messages[0]?.offset ?? 0 }) },
    );
  }
}

interface Shown {
  readonly page: Page;
  readonly rooms: Rooms;
  readonly log: Log;
  readonly history: () => RoomHistory;
}

async function show(options: HistoryOptions): Promise<Shown> {
  const [page, rooms, log] = [new Page(), new Rooms(), new Log()];
  let newest: RoomHistory | undefined;
  const Component = (): ReactElement => {
    newest = useHistory(options);
    const { messages, hasOlder, isLoading, error } = newest;
    const signs = [hasOlder && "older", isLoading && "loading", error !== undefined && "error"];
    return <p>{[messages.map(({ data }) => Number(data)).join(), ...signs.filter(Boolean)].join(" ")}</p>;
  };
  await page.render(<rooms.Provider children={<Component />} />);
  return {
    ...{ page, rooms, log },
    history: () => {
      if (newest === undefined) throw new Error("not rendered");
      return newest;
    },
  };
}

describe("useHistory", () => {
  it("useHistory loads the newest page after the welcome, adds new messages, and loads older pages", async () => {
    const { page, rooms, log, history } = await show({ pageSize: 4 });
    expect(await log.answerUntil(" loading", { page, rooms })).toBe(" loading");
    await rooms.welcome({ position: "Zk3aB9:9" });
    expect(await log.answerUntil("6,7,8,9 older", { page, rooms })).toBe("6,7,8,9 older");

    await change(() => rooms.transport.deliver(message(10)));
    await change(() => void history().loadOlder());
    expect(await log.answerUntil("2,3,4,5,6,7,8,9,10 older", { page, rooms })).toBe(
      "2,3,4,5,6,7,8,9,10 older",
    );
    await change(() => void history().loadOlder());
    await change(() => void history().loadOlder());

    expect(await log.answerUntil("1,2,3,4,5,6,7,8,9,10", { page, rooms })).toBe("1,2,3,4,5,6,7,8,9,10");
    expect(log.requests).toEqual(["4", "4 before 6", "4 before 2"]);
  });

  it("a message that is in the first page and arrives too is shown once", async () => {
    const { page, rooms, log } = await show({});

    await change(() => {
      rooms.transport.welcome({ position: "Zk3aB9:7" });
      rooms.transport.deliver(message(8));
    });
    await change(() => rooms.transport.deliver(message(9)));

    expect(await log.answerUntil("1,2,3,4,5,6,7,8,9", { page, rooms })).toBe("1,2,3,4,5,6,7,8,9");
  });

  it("a message that was loaded before it arrived is shown once", async () => {
    const { page, rooms, log } = await show({});
    await rooms.welcome({ position: "Zk3aB9:8" });
    expect(await log.answerUntil("1,2,3,4,5,6,7,8,9", { page, rooms })).toBe("1,2,3,4,5,6,7,8,9");

    await change(() => rooms.transport.deliver(message(9), message(10)));

    expect(await log.answerUntil("1,2,3,4,5,6,7,8,9,10", { page, rooms })).toBe("1,2,3,4,5,6,7,8,9,10");
  });

  it("useHistory with an event reads pages until one has such a message", async () => {
    const { page, rooms, log } = await show({ event: "vote", pageSize: 3 });
    log.messages = [message(1, "vote"), ...log.messages.slice(1)];

    await rooms.welcome({ position: "Zk3aB9:9" });
    await change(() => rooms.transport.deliver(message(10), message(11, "vote")));

    expect(await log.answerUntil("1,11", { page, rooms })).toBe("1,11");
    expect(log.requests).toHaveLength(3);
  });

  it("useHistory drops the oldest messages beyond maxMessages, and can load them again", async () => {
    const { page, rooms, log, history } = await show({ pageSize: 3, maxMessages: 3 });
    await rooms.welcome({ position: "Zk3aB9:9" });
    expect(await log.answerUntil("7,8,9 older", { page, rooms })).toBe("7,8,9 older");

    await change(() => rooms.transport.deliver(message(10)));
    expect(await log.answerUntil("8,9,10 older", { page, rooms })).toBe("8,9,10 older");
    await change(() => void history().loadOlder());

    expect(await log.answerUntil("5,6,7,8,9,10 older", { page, rooms })).toBe("5,6,7,8,9,10 older");
  });

  it("useHistory reports an error, and loads the page after the next welcome", async () => {
    const { page, rooms, log } = await show({});
    log.isForbidden = true;
    await rooms.welcome({ position: "Zk3aB9:9" });
    expect(await log.answerUntil(" error", { page, rooms })).toBe(" error");

    log.isForbidden = false;
    await change(() => rooms.transport.end());
    await rooms.client.nextDial();
    await rooms.welcome({ position: "Zk3aB9:9", recovered: true });

    expect(await log.answerUntil("1,2,3,4,5,6,7,8,9", { page, rooms })).toBe("1,2,3,4,5,6,7,8,9");
  });

  it("useHistory loads the newest page again after a reconnect that could not recover all messages", async () => {
    const { page, rooms, log } = await show({});
    await rooms.welcome({ position: "Zk3aB9:9" });
    log.messages = [message(1), message(2)];

    await change(() => rooms.transport.end());
    await rooms.client.nextDial();
    await rooms.welcome({ position: "Other1:2", recovered: false });

    expect(await log.answerUntil("1,2", { page, rooms })).toBe("1,2");
  });
});
