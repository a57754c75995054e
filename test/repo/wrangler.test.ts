import { describe, expect, it } from "vitest";
import { JOINS_PER_PERIOD, PERIOD_SECONDS } from "../../src/worker/address-limit.ts";
import { read } from "../support/repository.ts";

describe("wrangler.toml", () => {
  it("limits joins per address as the code and README say", () => {
    const simple = /simple = \{ limit = (\d+), period = (\d+) \}/.exec(read("wrangler.toml"));

    expect(simple?.slice(1).map(Number)).toEqual([JOINS_PER_PERIOD, PERIOD_SECONDS]);
    expect(read("README.md")).toContain(`${JOINS_PER_PERIOD} in ${PERIOD_SECONDS} seconds`);
  });
});
