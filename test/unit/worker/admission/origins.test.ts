import { describe, expect, it } from "vitest";
import { readOrigins } from "../../../../src/config/origins.ts";
import { Origins } from "../../../../src/worker/admission/origins.ts";
import { readConfig } from "../../../support/config.ts";

/** Whether a server with this ALLOWED_ORIGINS accepts a page of an origin, or its problems if it does not start. */
function allows(list: string, origin: string): boolean | readonly string[] {
  const { value, problems } = readOrigins(list);
  return problems.length > 0 ? problems : new Origins(value).allows(origin);
}

describe("valid origins", () => {
  it.each([
    ["https://app.example.com/", "https://app.example.com"],
    ["HTTPS://App.Example.com", "https://app.example.com"],
    ["https://app.example.com:443", "https://app.example.com"],
    ["http://app.example.com:80/", "http://app.example.com"],
    ["https://app.example.com:8443", "https://app.example.com:8443"],
    ["https://a.example.com https://app.example.com", "https://app.example.com"],
    ["https://a.example.com,\n  https://app.example.com,", "https://app.example.com"],
    ["https://*.example.com/", "https://app.example.com"],
    ["https://*.example.com:8443", "https://app.example.com:8443"],
    ["http://localhost:*", "http://localhost:5173"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["http://127.0.0.1:3000/", "http://127.0.0.1:3000"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["null", "null"],
    ["*", "https://anything.example"],
    ["", "https://anything.example"],
  ])("[D9] ALLOWED_ORIGINS of %j allows %s", (list, origin) => {
    expect(allows(list, origin)).toBe(true);
  });

  it.each([
    ["https://app.example.com/", "https://other.example.com"],
    ["https://app.example.com:443", "https://app.example.com:444"],
    ["https://*.example.com", "https://example.com"],
    ["https://app.example.com", "http://app.example.com"],
  ])("[D9 G12] ALLOWED_ORIGINS of %j does not allow %s", (list, origin) => {
    expect(allows(list, origin)).toBe(false);
  });
});

describe("invalid origins", () => {
  it.each([
    ["app.example.com", '"app.example.com" has no scheme; write https://app.example.com'],
    ["*.example.com", '"*.example.com" has no scheme; write https://*.example.com'],
    ["localhost:5173", '"localhost:5173" has no scheme; write http://localhost:5173'],
    ["//app.example.com", "is not an origin; write it as https://app.example.com"],
    ["https://", "is not an origin"],
    ["https://app.example.com/rooms", "has a path, but an origin has none; write https://app.example.com"],
    ["https://app.example.com?x=1", "has a path, but an origin has none; write https://app.example.com"],
    ["https://user@app.example.com", "is not an origin"],
    ["https://app.example.com:99999", "has an invalid host or port"],
    ['"https://app.example.com"', "is not an origin"],
    ["https://a.example;https://b.example", "is not an origin"],
    ["*, https://app.example.com", '"*" allows every origin, so it must be the only item'],
    [",", "contains no origin; remove it to allow all"],
  ])("[D9 W5] a server with ALLOWED_ORIGINS of %j does not start, and reports the problem", (list, why) => {
    const problems = allows(list, "https://app.example.com");

    expect(problems).toEqual([expect.stringContaining(why)]);
    expect(problems).toEqual([expect.stringMatching(/^ALLOWED_ORIGINS/)]);
    expect(() => readConfig({ ALLOWED_ORIGINS: list }, { default: { text: "any" } })).toThrow(why);
  });

  it("[D9 W5] every invalid origin in ALLOWED_ORIGINS is reported", () => {
    expect(allows("a.example, https://ok.example, https://b.example/x", "https://ok.example")).toHaveLength(
      2,
    );
  });
});
