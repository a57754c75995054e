import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startBareRuntime } from "../support/bare-runtime.ts";
import { ProcessGroup } from "../support/process-group.ts";
import { projectRoot, toolEnvironment } from "../support/project.ts";
import { read } from "../support/repository.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { at, SampleProject } from "../support/sample-project.ts";
import { joinWebSocket } from "../support/websocket-member.ts";

describe("examples/node-client", () => {
  it("[G3 G4] the bot of examples/node-client answers messages, also after the server was killed, and leaves on Ctrl-C", async () => {
    await using server = await startBareRuntime();
    using project = await SampleProject.create();
    const room = uniqueRoom();
    const bot = new ProcessGroup([process.execPath, "examples/node-client/bot.ts", room], {
      cwd: projectRoot,
      env: { ...toolEnvironment(project.folder), PARLOR_URL: server.url },
    });
    await expect.poll(() => bot.output(), { timeout: 20_000 }).toContain(`joined ${room}`);
    const ana = await joinWebSocket(server, room, { presence: { name: "Ana" } });
    await ana.welcome();

    await ana.publish("chat", { text: "/who" });
    await ana.publish("chat", { text: "hello" });
    expect(await ana.inbox.take("message", ({ from }) => from !== ana.member)).toMatchObject({
      data: { name: "Bot", text: "Here: Bot, Ana." },
    });

    await server.kill();
    await server.restart();
    const ben = await joinWebSocket(server, room, { presence: { name: "Ben" } });
    const { member: self } = await ben.welcome();
    await expect.poll(() => bot.output().match(/^joined/gm), { timeout: 30_000 }).toHaveLength(2);
    await ben.publish("chat", { text: "/roll" });
    const rolled = await ben.inbox.take("message", ({ from }) => from !== self);
    expect(rolled).toMatchObject({ data: { text: expect.stringMatching(/^You rolled [1-6]\.$/) as string } });

    bot.interrupt();
    const { left } = await ben.inbox.take(
      "presence",
      (frame) => frame.left?.some(({ id }) => id === rolled.from) === true,
    );
    expect(left).toMatchObject([{ reason: "left" }]);
    expect(await bot.exited).toMatchObject({ code: 0 });
    ben.vanish();
  });
});

describe("examples/worker-with-own-routes", () => {
  const folder = join(projectRoot, "examples", "worker-with-own-routes");
  const readme = read("examples/worker-with-own-routes/README.md");
  const [variables = "", start = "", login = "", summary = ""] = [...readme.matchAll(/^\d\. `(.+)`$/gm)].map(
    ([, command = ""]) => command,
  );

  it("[D1] the Worker of examples/worker-with-own-routes signs tokens and sums up rooms, as its README says", async () => {
    const [, secret = ""] = /^echo 'TOKEN_SECRETS="(.+)"' > (\S+)$/.exec(variables) ?? [];
    expect(start).toContain("--config examples/worker-with-own-routes/wrangler.toml");
    await using server = await startBareRuntime({
      config: join(folder, "wrangler.toml"),
      vars: { TOKEN_SECRETS: secret },
    });
    using project = await SampleProject.create();
    const { stdout } = await project.shell(at(server, login));
    const { token } = JSON.parse(stdout) as { token: string };

    const guest = await joinWebSocket(server, "lobby");
    await guest.welcome();
    expect(await guest.publish("chat", "hi")).toMatchObject({ code: "forbidden" });
    const ana = await joinWebSocket(server, "lobby", { protocols: ["parlor.v1", `bearer.${token}`] });
    expect(await ana.welcome()).toMatchObject({ user: "ana" });
    expect(await ana.publish("chat", "hello")).toMatchObject({ type: "ack" });

    const { stdout: text } = await project.shell(at(server, summary));
    expect(JSON.parse(text)).toEqual({
      room: "lobby",
      members: 2,
      latest: [{ event: "chat", data: "hello" }],
    });
    expect((await fetch(`${server.url}/login`, { method: "POST", body: new FormData() })).status).toBe(400);
    ana.vanish();
    guest.vanish();
  });
});
