import { describe, expect } from "vitest";
import { at, completeConfig, scriptsIn } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";
import { joinWebSocket } from "../../support/websocket-member.ts";

const [commands, install, client, worker] = samplesOf("README.md", "sh", "sh", "ts", "ts");

const it = itWithServer((project) => project.startWorker(worker, completeConfig()));

describe("README", () => {
  it("README's commands are scripts of package.json", () => {
    expect(scriptsIn(commands)).toEqual({ known: ["dev"], unknown: [] });
    expect(commands).toMatch(/^npm ci && npm test /m);
    expect(install).toMatch(/^npm install parlor /);
  });

  it("[G2 G8] README's client joins, publishes, and receives what others publish", async ({
    project,
    server,
  }) => {
    const guest = await joinWebSocket(server, "lobby");
    await guest.welcome();
    const program = project.startProgram(at(server, client));

    expect(await guest.inbox.take("message")).toMatchObject({ event: "chat", data: "hello", offset: 1 });
    expect(await guest.inbox.take("message")).toMatchObject({ event: "cursor", data: { x: 1, y: 2 } });
    await guest.publish("chat", "hello yourself");

    await expect.poll(() => program.output(), { timeout: 10_000 }).toMatch(/^chat \S+ hello yourself$/m);
    expect(program.output()).toMatch(/^open$/m);
    expect(program.output()).toContain("name: 'Ana'");
    await program.kill();
    guest.vanish();
  });

  it("[K1 K2] README's kind of rooms counts one vote for each member", async ({ server }) => {
    const ana = await joinWebSocket(server, "poll:lunch");
    const ben = await joinWebSocket(server, "poll:lunch");
    await Promise.all([ana.welcome(), ben.welcome()]);

    expect(await ana.publish("vote", "yes")).toMatchObject({ type: "ack", offset: 1 });
    expect(await ana.publish("vote", "yes")).toMatchObject({
      code: "refused",
      message: "you have voted already",
    });
    expect(await ben.publish("vote", "maybe")).toMatchObject({ code: "refused" });
    expect(await ben.act({ type: "set", set: { yes: 100 } })).toMatchObject({
      code: "refused",
      message: "only the room counts votes",
    });
    await ben.publish("vote", "yes");

    const { state } = (await (await fetch(`${server.url}/rooms/poll:lunch/state`)).json()) as {
      state: object;
    };
    expect(state).toMatchObject({ yes: [2, expect.any(Number)], [ana.member]: ["yes", 2] });
    ana.vanish();
    ben.vanish();
  });
});
