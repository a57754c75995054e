import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { openEvents } from "../support/sse.ts";
import { upgrade } from "../support/websocket.ts";

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

describe("joins per address", () => {
  /** The status of an answer, whose socket is of no use. */
  function statusOf({ status, webSocket }: Response): number {
    webSocket?.accept();
    webSocket?.close();
    return status;
  }

  /** Joins from one address until one is refused; the platform counts in windows, so two may pass. */
  async function joinUntilRefused(openOne: (address: string) => Promise<Response>): Promise<Response> {
    const address = uniqueAddress();
    for (let n = 0; n < 201; n++) {
      const response = await openOne(address);
      if (statusOf(response) === 429) return response;
    }
    throw new Error("201 joins of one address were let in");
  }

  it("[L3 G10] a limiter that fails lets everyone in", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const to = serverWith({ JOINS_PER_ADDRESS: { limit: () => Promise.reject(new Error("out of order")) } });

    expect(statusOf(await upgrade(uniqueRoom(), { to }))).toBe(101);
  });

  it("[L3 J8] an address that joins too often gets a plain 429 with Retry-After", async () => {
    const refused = await joinUntilRefused((address) =>
      upgrade(uniqueRoom(), { query: { key: "x" }, headers: { "CF-Connecting-IP": address } }),
    );

    expect(refused.headers.get("Retry-After")).toBe("10");
    expect(await refused.json()).toMatchObject({
      type: "error",
      code: "rate_limited",
      limit: "joinsPerAddress",
    });
  });

  it("[L3 S7] over SSE the 429 is a stream for an EventSource, and plain for others", async () => {
    let address = "";
    const plain = await joinUntilRefused((from) => {
      address = from;
      return request(roomPath("a", "/events?key=x"), { headers: { "CF-Connecting-IP": from } });
    });
    const source = await openEvents("a", { headers: { "CF-Connecting-IP": address } });
    await source.ended;

    expect(plain.headers.get("Retry-After")).toBe("10");
    expect(source.response.status).toBe(200);
    expect(source.stream.retryMs).toBe(10_000);
    expect(source.inbox.all).toMatchObject([{ type: "error", code: "rate_limited" }]);
  });

  it("[L3 G10] other addresses are not concerned", async () => {
    const to = serverWith({ JOINS_PER_ADDRESS: undefined });
    await Promise.all(
      Array.from({ length: 101 }, async () =>
        statusOf(
          await upgrade("a", { query: { key: "x" }, headers: { "CF-Connecting-IP": "192.0.2.1" }, to }),
        ),
      ),
    );

    expect(statusOf(await upgrade("a", { headers: { "CF-Connecting-IP": "192.0.2.2" }, to }))).toBe(101);
  });

  it("[L3] without the platform's counter the isolate counts, and forgets within ten seconds", async () => {
    const to = serverWith({ JOINS_PER_ADDRESS: undefined });
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const tryToJoin = async (): Promise<number> =>
      statusOf(await upgrade("a", { query: { key: "x" }, headers, to }));

    const statuses = await Promise.all(Array.from({ length: 101 }, tryToJoin));
    pass(100);

    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    expect(await tryToJoin()).toBe(101);
    expect(await tryToJoin()).toBe(429);
  });

  it("[L3] the limit can be turned off", async () => {
    const headers = { "CF-Connecting-IP": uniqueAddress() };
    const off = serverWith({ JOINS_PER_ADDRESS: undefined, ADDRESS_LIMITS: "off" });
    const statuses = await Promise.all(
      Array.from({ length: 120 }, async () =>
        statusOf(await upgrade("a", { query: { key: "x" }, headers, to: off })),
      ),
    );

    expect(new Set(statuses)).toEqual(new Set([101]));
  });
});
