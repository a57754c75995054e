import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../bench/scenarios/scenario.ts";

const SERVERS = ["parlor", "bare", "ws"];

/** The part of the output of `--json` that the tests use. */
interface Results {
  readonly scenarios: readonly {
    readonly name: string;
    readonly metrics: readonly { readonly name: string }[];
    readonly series: readonly { readonly contender: string; readonly outcomes: readonly Outcome[] }[];
  }[];
}

let folder: string;
let run: { readonly code: number; readonly output: string };
let results: Results;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "parlor-bench-"));
  const files = ["--json", join(folder, "results.json"), "--out", join(folder, "results.html")];
  const size = ["--quick", "--members", "20", "--seconds", "1"];
  run = await bench("fanout", "quiet", "--servers", SERVERS.join(), ...size, ...files);
  results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as Results;
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("npm run bench", () => {
  it("npm run bench has a row and a value of every metric for every server", () => {
    expect(run.code).toBe(0);
    expect(results.scenarios.map(({ name }) => name)).toEqual(["fanout", "quiet"]);
    for (const { metrics, series } of results.scenarios) {
      expect(series.map(({ contender }) => contender)).toEqual(SERVERS);
      for (const { outcomes } of series) {
        const [outcome] = outcomes;
        // Processor time is not available on every platform.
        const names = metrics.map(({ name }) => name).filter((name) => !name.includes("CPU"));
        for (const name of names) expect(outcome?.values[name]).toBeGreaterThan(0);
      }
    }
    for (const name of SERVERS)
      expect(run.output.match(new RegExp(`^${name} +[\\d.,]+ `, "gm"))).toHaveLength(2);
  });

  it("npm run bench finds that every member received exactly the published messages, in order", () => {
    const flaws = results.scenarios.flatMap(({ series }) =>
      series.flatMap(({ outcomes }) => outcomes.flatMap((outcome) => outcome.flaws)),
    );

    expect(flaws.filter((flaw) => /deliveries|connections|rejected/.test(flaw))).toEqual([]);
  });

  it("npm run bench draws a page that loads nothing from elsewhere", () => {
    const page = readFileSync(join(folder, "results.html"), "utf8");

    expect(page.match(/<svg /g)?.length).toBeGreaterThan(4);
    expect(page).not.toMatch(/<script|<link|src=|url\(/);
  });

  it.each([
    ["an unknown scenario", "what"],
    ["an unknown server", "--servers", "what"],
    ["an unknown option", "--what"],
    ["a duration of half a second", "--seconds", "0.5"],
  ])("npm run bench prints its usage when it is called with %s", async (_what, ...args) => {
    const { code, output } = await bench(...args);

    expect(output).toContain("npm run bench -- [scenario ...]");
    expect(code).toBe(2);
  });
});

function bench(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["test/bench/bench.ts", ...args], (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout });
    });
  });
}
