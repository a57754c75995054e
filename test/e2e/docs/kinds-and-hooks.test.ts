import { describe, expect } from "vitest";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [rooms, keepingRooms, slowRooms] = samplesOf("docs/kinds-and-hooks.md", "ts", "ts", "ts");

// The fixtures of a file are made outside of its suites.
const itWithRooms = itWithServer((project) => project.startRooms(rooms));
const itWithKeepingRooms = itWithServer((project) => project.startRooms(keepingRooms));
const itWithSlowRooms = itWithServer((project) => project.startRooms(slowRooms));

describe("the kind with hooks", () => {
  const it = itWithRooms;

  it("[K1 K2 D1] the kind in docs/kinds-and-hooks.md enforces its rules", async ({ server }) => {
    const ana = await joinWebSocket(server, "talk:rooms", { presence: `Ana ${"a".repeat(100)}` });
    const welcome = await ana.welcome();
    expect(welcome.members).toMatchObject([{ data: `Ana ${"a".repeat(36)}` }]);
    const bob = await joinWebSocket(server, "talk:rooms", { presence: "Bob" });
    await bob.welcome();
    const nameless = await joinWebSocket(server, "talk:rooms", { presence: { name: "Cleo" } });
    expect(await nameless.inbox.take("error")).toMatchObject({
      code: "refused",
      message: "presence data must be a name",
    });

    expect(await bob.publish("question", " why? ")).toMatchObject({ type: "ack" });
    expect(await bob.publish("question", " ")).toMatchObject({
      code: "refused",
      message: "a question must be a text",
    });
    expect(await bob.publish("chat", "hello")).toMatchObject({ code: "forbidden" });
    expect(await bob.act({ type: "set", set: { questions: 100 } })).toMatchObject({ code: "refused" });
    expect(await bob.act({ type: "set", set: { begun: true } })).toMatchObject({ type: "ack" });
    const late = await joinWebSocket(server, "talk:rooms", { presence: "Late" });
    expect(await late.inbox.take("error")).toMatchObject({
      message: "the talk has begun",
      retryAfterMs: 60_000,
    });
    bob.close();

    expect(await ana.inbox.take("message")).toMatchObject({ event: "question", data: "1. why?" });
    expect(await ana.inbox.take("message")).toMatchObject({
      event: "left",
      from: "room",
      data: { name: "Bob", reason: "left" },
    });
    ana.vanish();
  });
});

describe("the kind that keeps volatile messages", () => {
  const it = itWithKeepingRooms;

  it("[A11 W6] a client that joins the kind in docs/kinds-and-hooks.md later receives the newest volatile message", async ({
    server,
  }) => {
    const ana = await joinWebSocket(server, "board:rooms");
    await ana.welcome();
    ana.send({ type: "publish", event: "cursor", data: { x: 1 }, volatile: true });
    await ana.inbox.take("message");

    const bob = await joinWebSocket(server, "board:rooms");

    expect(await bob.inbox.take("message")).toMatchObject({ from: ana.member, data: { x: 1 }, kept: true });
    for (const member of [ana, bob]) member.vanish();
  });
});

describe("the kind with create", () => {
  const it = itWithSlowRooms;

  it("[K1] the hooks that docs/kinds-and-hooks.md creates accept one message per second of each member", async ({
    server,
  }) => {
    const ana = await joinWebSocket(server, "slow:rooms");
    const bob = await joinWebSocket(server, "slow:rooms");
    await Promise.all([ana.welcome(), bob.welcome()]);

    // In one frame, so that both acts have the same time.
    ana.send([
      { type: "publish", ref: 1, event: "chat", data: "first" },
      { type: "publish", ref: 2, event: "chat", data: "second" },
    ]);

    expect(await ana.inbox.take("error")).toMatchObject({
      ...{ ref: 2, code: "refused", message: "wait a second between two messages", retryAfterMs: 1_000 },
    });
    expect(await bob.publish("chat", "hello")).toMatchObject({ type: "ack" });
    expect(await bob.inbox.take("message")).toMatchObject({ data: "first" });
    ana.vanish();
    bob.vanish();
  });
});
