import { describe, expect, it } from "vitest";
import { ADDRESS_LIMITS, PERIOD_SECONDS } from "../../src/worker/admission/address-limit.ts";
import { read } from "../support/repository.ts";

describe("wrangler.toml", () => {
  it("limits joins and requests as the code and docs/options.md say", () => {
    const simple = [...read("wrangler.toml").matchAll(/simple = \{ limit = (\d+), period = (\d+) \}/g)];
    const { joinsPerAddress, requestsPerAddress } = ADDRESS_LIMITS;

    expect(simple.map(([, ...numbers]) => numbers.map(Number))).toEqual([
      [joinsPerAddress.perPeriod, PERIOD_SECONDS],
      [requestsPerAddress.perPeriod, PERIOD_SECONDS],
    ]);
    for (const { perPeriod } of Object.values(ADDRESS_LIMITS)) {
      expect(read("docs/options.md")).toContain(`${perPeriod} in ${PERIOD_SECONDS} seconds`);
    }
  });
});
