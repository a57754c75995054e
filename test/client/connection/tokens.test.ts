import { expect, it } from "vitest";
import { makeDialers } from "../../../src/client/transports/dialers.ts";
import type { WebSocketConstructor } from "../../../src/client/transports/websocket-transport.ts";
import { settled } from "../support/fake-world.ts";
import { joined } from "../support/test-client.ts";
import { RecordingListener, TARGET, silentStream } from "../support/transports.ts";

const LISTENER = new RecordingListener();

/** Opens connections with a token that counts up, and records the requests. */
function dialsWithTokens() {
  let drawn = 0;
  const offered: string[][] = [];
  const requests: { url: string; headers: Headers; body: unknown }[] = [];
  const WebSocket = class {
    constructor(_url: string, protocols: string[]) {
      offered.push(protocols);
    }
    addEventListener(): void {}
  } as unknown as WebSocketConstructor;
  const fetch_ = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    requests.push({ url: String(input), headers: new Headers(init.headers), body: init.body });
    return silentStream();
  };
  const dialers = makeDialers({ WebSocket, fetch: fetch_, getToken: async () => `token-${++drawn}` });
  return { dialers, offered, requests };
}

it("[D2 J2] each attempt offers a new token as a subprotocol, and not in the URL", async () => {
  const { dialers, offered } = dialsWithTokens();

  await dialers.websocket(TARGET, LISTENER, () => true);
  await dialers.websocket(TARGET, LISTENER, () => true);

  expect(offered).toEqual([
    ["parlor.v1", `resume.${TARGET.key}`, "bearer.token-1"],
    ["parlor.v1", `resume.${TARGET.key}`, "bearer.token-2"],
  ]);
});

it("[D2 D8] over SSE the token is a header, also of POSTs, and a renewed token replaces it", async () => {
  const { dialers, requests } = dialsWithTokens();
  const line = await dialers.sse(TARGET, LISTENER, () => true);
  await settled();

  line.send({ text: "{}", refs: [1], authority: "s.k" });
  line.renew("token-9", "s.k");
  line.send({ text: "{}", refs: [2], authority: "s.k" });
  await settled();

  expect(requests.map(({ headers }) => headers.get("Authorization"))).toEqual([
    "Bearer token-1",
    "Bearer token-1",
    "Bearer token-9",
    "Bearer token-9",
  ]);
  expect(requests[2]?.body).toBe('{"type":"auth","token":"token-9"}');
  expect(requests.map(({ url }) => url).join(" ")).not.toContain("token-");
});

it("[D7 D8] a client renews its token each time four fifths of the token's lifetime are over", async () => {
  let drawn = 0;
  const client = await joined({ getToken: () => `token-${++drawn}` }, { expiresInMs: 10_000 });

  await client.world.pass(7_999);
  client.transport.deliver({ type: "pong" });
  expect(client.transport.tokens).toEqual([]);
  await client.world.pass(1);
  await settled();
  client.transport.deliver({ type: "ack", expiresInMs: 5_000 });
  await client.world.pass(4_000);
  await settled();

  expect(client.transport.tokens).toEqual(["token-1", "token-2"]);
});

it("[D7] the connection continues if no new token is available in time", async () => {
  const client = await joined(
    { getToken: () => Promise.reject(new Error("the backend is away")) },
    { expiresInMs: 10_000 },
  );

  await client.world.pass(9_000);
  await settled();

  expect(client.transport.tokens).toEqual([]);
  expect(client.room.connection.state).toBe("open");
});

it("[D7] a client does not renew a token over a connection that is gone", async () => {
  const client = await joined({ getToken: () => "token" }, { expiresInMs: 60_000 });
  const first = client.transport;

  first.end();
  await client.world.pass(60_000);
  await settled();

  expect(first.tokens).toEqual([]);
});

it.each([
  ["token_invalid", "a token that is not valid yet"],
  ["unavailable", "a server that cannot check it"],
] as const)(
  "[D8 E2] a client renews again after the delay in %s, and sends acts meanwhile: %s",
  async (code, _what) => {
    let drawn = 0;
    const client = await joined({ getToken: () => `token-${++drawn}` }, { expiresInMs: 10_000 });
    await client.world.pass(8_000);
    await settled();

    client.transport.deliver({ type: "error", code, message: "not now", retryAfterMs: 4_000 });
    void client.room.publish("chat", "hi");
    await settled();
    const sent = client.transport.items.map(({ type }) => type);
    await client.world.pass(4_000);
    await settled();

    expect(sent).toEqual(["publish"]);
    expect(client.transport.tokens).toEqual(["token-1", "token-2"]);
    expect(client.emitted.error).toMatchObject([{ code }]);
    expect(client.room.connection.state).toBe("open");
  },
);

it("[D8] after a renewal that is rejected for good, the connection continues until its old token expires", async () => {
  const client = await joined({ getToken: () => "token" }, { expiresInMs: 10_000 });
  await client.world.pass(8_000);
  await settled();

  client.transport.deliver({
    type: "error",
    code: "token_invalid",
    message: "the token is not a JSON Web Token",
  });
  await client.world.pass(1_999);
  await settled();

  expect(client.transport.tokens).toEqual(["token"]);
  expect(client.room.connection.state).toBe("open");
});
