import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, it } from "vitest";
import { absolute, read } from "../support/repository.ts";

it("what is generated of parlor.proto is current (npm run generate writes it)", () => {
  mkdirSync(absolute("node_modules/.cache"), { recursive: true });
  const out = mkdtempSync(absolute("node_modules/.cache/generated-"));
  const bin = absolute("node_modules/.bin");

  const { status, stderr } = spawnSync(
    join(bin, "buf"),
    ["generate", "--template", "src/protocol/buf.gen.yaml", "--output", out, "src/protocol"],
    {
      cwd: absolute(""),
      encoding: "utf8",
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
    },
  );

  const path = "src/protocol/generated/parlor_pb.ts";
  const written = status === 0 ? readFileSync(join(out, path), "utf8") : stderr;
  rmSync(out, { recursive: true });
  expect(written).toBe(read(path));
});
