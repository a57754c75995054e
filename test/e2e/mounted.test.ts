import { afterAll, beforeAll, expect, it } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { absolute } from "../support/repository.ts";
import { uniqueRoom } from "../support/rooms.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startBareRuntime({ config: absolute("test/example/wrangler.toml") });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

it("[K1 K2] Parlor is mounted in a Worker of one's own, whose rules its rooms keep", async () => {
  const room = `quiz:${uniqueRoom()}`;
  const ana = await joinWebSocket(server, room, { presence: "Ana" });
  const bob = await joinWebSocket(server, room, { presence: "Bob" });
  const second = await joinWebSocket(server, room, { presence: "Bob" });
  await Promise.all([ana.welcome(), bob.welcome()]);

  expect(await (await fetch(`${server.url}/about`)).text()).toBe("a quiz of our own");
  expect(await second.inbox.take("error")).toMatchObject({ code: "refused", message: "that name is taken" });
  expect(await bob.publish("answer", 41)).toMatchObject({ code: "refused", message: "think again" });
  expect(await bob.publish("answer", 42)).toMatchObject({ type: "ack", offset: 1 });
  expect(await bob.act({ type: "set", set: { [bob.member]: 100 } })).toMatchObject({
    code: "refused",
    message: "the room keeps the score",
  });
  bob.close();

  expect(await ana.inbox.take("message")).toMatchObject({ event: "answer", data: "right" });
  expect(await ana.inbox.take("state")).toMatchObject({ offset: 2, from: "room", set: { [bob.member]: 1 } });
  expect(await ana.inbox.take("message")).toMatchObject({
    offset: 3,
    from: "room",
    event: "gone",
    data: "Bob",
  });
});
