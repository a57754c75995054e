import assert from "node:assert/strict";
import { test } from "node:test";
import { joinRoom } from "parlor/client";
import { createFakeServer } from "parlor/testing";

test("a message reaches every member, also one that was disconnected", async () => {
  const server = createFakeServer();
  const join = () => joinRoom("https://parlor.test/rooms/chat", server.joinOptions());
  const [ana, ben] = [join(), join()];
  const received = new Promise<unknown>((resolve) => ben.on("message", ({ data }) => resolve(data)));
  await new Promise((resolve) => ben.on("welcome", resolve));

  server.drop(ben.self);
  await ana.publish("chat", "hi");

  assert.equal(await received, "hi");
  assert.deepEqual(
    server.room("chat").log.map(({ offset }) => offset),
    [1],
  );
  ana.close();
  ben.close();
});
