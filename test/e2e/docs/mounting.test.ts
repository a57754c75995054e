import { expect } from "vitest";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [install, worker, config, tsconfig] = samplesOf("docs/mounting.md", "sh", "ts", "toml", "json");

const it = itWithServer((project) => project.startWorker(worker, config));

it("the Worker of docs/mounting.md compiles with the packages and the tsconfig.json of the page", async ({
  project,
}) => {
  project.write("strict/tsconfig.json", tsconfig);
  project.write("strict/worker.ts", worker);

  expect(install).toContain("npm install parlor\n");
  expect(await project.shell("cd strict && npx tsc --skipLibCheck false")).toMatchObject({
    stdout: "",
    status: 0,
  });
});

it("[K1 K2] the Worker of docs/mounting.md serves its own route, and rooms that enforce its rules", async ({
  server,
}) => {
  const room = "quiz:night";
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
