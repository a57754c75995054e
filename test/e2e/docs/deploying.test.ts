import { describe, expect } from "vitest";
import { OPTIONS } from "../../../src/config/options.ts";
import { LOG_EVENTS } from "../../../src/metrics/log-events.ts";
import { ERRORS } from "../../../src/protocol/errors.ts";
import { startBareRuntime } from "../../support/bare-runtime.ts";
import { at, scriptsIn } from "../../support/sample-project.ts";
import { itWithServer } from "../../support/sample-server.ts";
import { samplesOf } from "../../support/samples.ts";

const [deploy, smoke, variables, health, line] = samplesOf(
  "docs/deploying.md",
  "sh",
  "sh",
  "toml",
  "sh",
  "json",
);

const lines = variables.matchAll(/^(\w+) = "?([^"\n]+)"?$/gm);
const vars = Object.fromEntries([...lines].map(([, name = "", value = ""]) => [name, value]));
const it = itWithServer(() => startBareRuntime({ vars }));

describe("docs/deploying.md", () => {
  it("the commands of docs/deploying.md are scripts of package.json", () => {
    expect(scriptsIn(`${deploy}${smoke}`)).toEqual({ known: ["login", "deploy", "smoke"], unknown: [] });
  });

  it("[D9] a server with the variables of docs/deploying.md starts, and rejects other origins", async ({
    server,
  }) => {
    const from = async (origin: string): Promise<number> =>
      (await fetch(`${server.url}/rooms/lobby`, { headers: { Origin: origin } })).status;

    expect(await from("https://app.example.com")).toBe(200);
    expect(await from("https://other.example.com")).toBe(403);
  });

  it("[N3] the health checks of docs/deploying.md answer", async ({ project, server }) => {
    const { stdout, status } = await project.shell(at(server, health));

    expect(status).toBe(0);
    const [alive = "", ready = "", room = ""] = stdout.trim().split("\n");
    expect(JSON.parse(alive)).toEqual({ status: "ok", protocol: 1 });
    expect(JSON.parse(ready)).toEqual({ status: "ready" });
    expect(JSON.parse(room)).toMatchObject({ room: "lobby", members: 0 });
  });

  it("the log line of docs/deploying.md is one that the server can write", () => {
    const { level, event, code, limit, count, ...others } = JSON.parse(line) as Record<
      string,
      string | number
    >;

    expect(event).toBe("refused");
    expect([...Object.keys(others), "code", "limit", "count"]).toEqual(
      LOG_EVENTS.refused.fields.filter((field) => field !== "at"),
    );
    expect(Object.keys(ERRORS)).toContain(code);
    expect(Object.keys(OPTIONS)).toContain(limit);
    expect({ level, count: typeof count }).toEqual({ level: LOG_EVENTS.refused.level, count: "number" });
  });
});
