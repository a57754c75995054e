import type { ReactElement } from "react";
import { describe, expect, it } from "vitest";
import { useHistory, type HistoryOptions, type RoomHistory } from "../../src/react/index.ts";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import { change, Page } from "./support/render.tsx";
import { Rooms } from "./support/rooms.tsx";

function message(offset: number, event = "chat"): ServerFrame & { readonly type: "message" } {
  return { type: "message", offset, time: 1, from: "ana", event, data: offset };
}

/** A server's history, as H5 of PROTOCOL.md describes it. */
class Log {
  readonly requests: string[] = [];
  readonly tokens = new Set<string | null>();
  status = 200;
  messages = Array.from({ length: 9 }, (_, index) => message(index + 1));

  readonly fetch = (async (input: string, init: RequestInit) => {
    const { pathname, search, searchParams } = new URL(input);
    this.requests.push(`${pathname.replace(/.*\//, "")}${search}`);
    this.tokens.add(new Headers(init.headers).get("Authorization"));
    const [before, limit] = [
      Number(searchParams.get("before") ?? Infinity),
      Number(searchParams.get("limit")),
    ];
    const range = this.messages.filter(({ offset = 0 }) => offset < before);
    const page = range.slice(-limit);
    const more = page.length < range.length;
    const body = { messages: page, more, ...(more && { next: page[0]?.offset }), position: "e:9" };
    return Response.json(body, { status: this.status });
  }) as typeof fetch;
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
  const provided = { fetch: log.fetch, getToken: () => "a-token" };
  await page.render(<rooms.Provider options={provided} children={<Component />} />);
  return {
    ...{ page, rooms, log },
    history: () => {
      if (newest === undefined) throw new Error("not rendered");
      return newest;
    },
  };
}

describe("useHistory", () => {
  it("loads the newest page after the welcome, adds new messages, and loads older pages", async () => {
    const { page, rooms, log, history } = await show({ pageSize: 4 });
    expect(page.text).toBe(" loading");
    await rooms.welcome({ position: "Zk3aB9:9" });
    expect(page.text).toBe("6,7,8,9 older");

    await change(() => rooms.transport.deliver(message(10)));
    await change(() => void history().loadOlder());
    expect(page.text).toBe("2,3,4,5,6,7,8,9,10 older");
    await change(() => void history().loadOlder());
    await change(() => void history().loadOlder());

    expect(page.text).toBe("1,2,3,4,5,6,7,8,9,10");
    expect(log.tokens).toEqual(new Set(["Bearer a-token"]));
    expect(log.requests).toEqual(["history?limit=4", "history?limit=4&before=6", "history?limit=4&before=2"]);
  });

  it("a message that is in the first page and arrives too is shown once", async () => {
    const { page, rooms } = await show({});

    await change(() => {
      rooms.transport.welcome({ position: "Zk3aB9:7" });
      rooms.transport.deliver(message(8));
    });
    await change(() => rooms.transport.deliver(message(9)));

    expect(page.text).toBe("1,2,3,4,5,6,7,8,9");
  });

  it("a message that was loaded before it arrived is shown once", async () => {
    const { page, rooms } = await show({});
    await rooms.welcome({ position: "Zk3aB9:8" });
    expect(page.text).toBe("1,2,3,4,5,6,7,8,9");

    await change(() => rooms.transport.deliver(message(9), message(10)));

    expect(page.text).toBe("1,2,3,4,5,6,7,8,9,10");
  });

  it("with an event, pages are read until one has such a message", async () => {
    const { page, rooms, log } = await show({ event: "vote", pageSize: 3 });
    log.messages = [message(1, "vote"), ...log.messages.slice(1)];

    await rooms.welcome({ position: "Zk3aB9:9" });
    await change(() => rooms.transport.deliver(message(10), message(11, "vote")));

    expect(page.text).toBe("1,11");
    expect(log.requests).toHaveLength(3);
  });

  it("beyond maxMessages the oldest are dropped, and can be loaded again", async () => {
    const { page, rooms, history } = await show({ pageSize: 3, maxMessages: 3 });
    await rooms.welcome({ position: "Zk3aB9:9" });

    await change(() => rooms.transport.deliver(message(10)));
    expect(page.text).toBe("8,9,10 older");
    await change(() => void history().loadOlder());

    expect(page.text).toBe("5,6,7,8,9,10 older");
  });

  it("an error is reported, and the page is loaded after the next welcome", async () => {
    const { page, rooms, log } = await show({});
    log.status = 503;
    await rooms.welcome({ position: "Zk3aB9:9" });
    expect(page.text).toBe(" error");

    log.status = 200;
    await change(() => rooms.transport.end());
    await rooms.client.nextDial();
    await rooms.welcome({ position: "Zk3aB9:9", recovered: true });

    expect(page.text).toBe("1,2,3,4,5,6,7,8,9");
  });

  it("after a reconnect that could not recover all messages, the newest page is loaded again", async () => {
    const { page, rooms, log } = await show({});
    await rooms.welcome({ position: "Zk3aB9:9" });
    log.messages = [message(1), message(2)];

    await change(() => rooms.transport.end());
    await rooms.client.nextDial();
    await rooms.welcome({ position: "Other1:2", recovered: false });

    expect(page.text).toBe("1,2");
  });
});
