import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OPTIONS } from "../../../../src/config/options.ts";
import { hintFor } from "../../../../src/worker/rooms/location.ts";

describe("the location of a room", () => {
  it.each([
    ["New York", { continent: "NA", country: "US", longitude: "-74.0" }, "enam"],
    ["San Francisco", { continent: "NA", country: "US", longitude: "-122.4" }, "wnam"],
    ["the divide of North America", { continent: "NA", longitude: -100 }, "enam"],
    ["an unknown place in North America", { continent: "NA" }, "enam"],
    ["São Paulo", { continent: "SA", longitude: "-46.6" }, "sam"],
    ["London", { continent: "EU", longitude: "-0.1" }, "weur"],
    ["Berlin", { continent: "EU", longitude: "13.4" }, "weur"],
    ["Warsaw", { continent: "EU", longitude: "21.0" }, "eeur"],
    ["an unknown place in Europe", { continent: "EU", longitude: null }, "weur"],
    ["Tokyo", { continent: "AS", country: "JP", longitude: "139.7" }, "apac"],
    ["Dubai", { continent: "AS", country: "AE", longitude: "55.3" }, "me"],
    ["Sydney", { continent: "OC", longitude: "151.2" }, "oc"],
    ["Nairobi", { continent: "AF", longitude: "36.8" }, "afr"],
    ["Antarctica", { continent: "AN" }, undefined],
    ["Tor", { continent: undefined, country: "T1" }, undefined],
    ["an unknown place", undefined, undefined],
  ])("[J1] a room that is created from %s is placed near its client", (_where, place, hint) => {
    expect(hintFor(place)).toBe(hint);
  });

  it("[J1] the location hint is a known one or none, whatever the platform reports of a client", () => {
    const anything = fc.oneof(fc.constantFrom("NA", "EU", "AS", "OC"), fc.anything({ withBigInt: false }));
    const hints: readonly unknown[] = [undefined, ...OPTIONS.fallbackLocation.values];

    fc.assert(
      fc.property(anything, anything, fc.oneof(fc.double(), fc.string()), (continent, country, longitude) => {
        expect(hints).toContain(hintFor({ continent, country, longitude }));
      }),
    );
  });
});
