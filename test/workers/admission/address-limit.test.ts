import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { request, roomPath, uniqueAddress, uniqueRoom } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { openEvents } from "../support/sse.ts";
import { upgrade } from "../support/websocket.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

describe("joins per address", () => {
  /** The status of a response, whose socket is not used. */
  function statusOf({ status, webSocket }: Response): number {
    webSocket?.accept();
    webSocket?.close();
    return status;
  }

  /** Joins from one address until a join is rejected. The platform counts in windows, so more than one limit may pass. */
  async function joinUntilRefused(openOne: (address: string) => Promise<Response>): Promise<Response> {
    const address = uniqueAddress();
    for (let n = 0; n < 201; n++) {
      const response = await openOne(address);
      if (statusOf(response) === 429) return response;
    }
    throw new Error("201 joins of one address were let in");
  }

  it("[L3 G10] joins are allowed if the platform's limiter fails", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const to = serverWith({ JOINS_PER_ADDRESS: { limit: () => Promise.reject(new Error("out of order")) } });

    expect(statusOf(await upgrade(uniqueRoom(), { to }))).toBe(101);
  });

  it("[L3 J8] a WebSocket join over the address limit receives a plain 429 with Retry-After", async () => {
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

  it("[L3 S7] an SSE join over the address limit receives a stream if it is from an EventSource, and a plain 429 otherwise", async () => {
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

  it("[L3 G10] an address over the limit does not affect the joins of other addresses", async () => {
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

  it("[L3] without the platform's limiter the isolate counts joins, and forgets them within ten seconds", async () => {
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

  it("[L3] joins per address are not limited if ADDRESS_LIMITS is off", async () => {
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
