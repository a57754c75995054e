import { expect, it } from "vitest";
import { addressOf } from "../../../../src/worker/admission/address-limit.ts";
import { Origins } from "../../../../src/worker/admission/origins.ts";

const from = (address: string): string | undefined =>
  addressOf(new Request("https://x", { headers: { "CF-Connecting-IP": address } }));

it.each([
  ["203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"],
  ["not:an:address", "not:an:address"],
])("[L3] the address %s counts as %s", (address, counted) => {
  expect(from(address)).toBe(counted);
});

it.each<[string, string | null, boolean]>([
  ["", "https://any.example", true],
  ["https://app.example.com", "https://app.example.com", true],
  ["https://app.example.com", "https://APP.example.com", true],
  ["https://app.example.com", "https://app.example.com.evil.net", false],
  ["https://app.example.com", "http://app.example.com", false],
  ["https://app.example.com", "null", false],
  ["https://app.example.com", null, true],
  ["https://*.example.com", "https://a.b.example.com", true],
  ["https://*.example.com", "https://example.com", false],
  ["https://*.example.com", "https://evil.net/.example.com", false],
  ["https://*.example.com", "https://aXexample.com", false],
  ["http://localhost:*, https://a.b", "https://a.b", true],
  ["http://localhost:*", "http://localhost:5173", true],
])(
  "[D9 G12] for the list of origins %j and the origin %s, `allows` returns %s",
  (list, origin, isAllowed) => {
    expect(new Origins(list).allows(origin)).toBe(isAllowed);
  },
);
