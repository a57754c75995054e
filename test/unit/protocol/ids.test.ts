import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRoomName } from "../../../src/protocol/room-names.ts";
import { deriveIdentity, isKey, randomEpoch, randomKey } from "../../../src/protocol/ids.ts";

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

describe("identities", () => {
  it("[J4] the session and member ids are the hashes that the protocol defines", async () => {
    const session = digest("parlor1\nlobby\n\n7mB6vVv0Qm2Yb5s0bq4q7g");

    expect(await deriveIdentity("lobby", "", "7mB6vVv0Qm2Yb5s0bq4q7g")).toEqual({
      session,
      member: digest(`member\n${session}`),
    });
  });

  it("[J4] the session and member ids are these hashes for every room, user and key", async () => {
    const anyRoom = fc.stringMatching(/^[A-Za-z0-9_.~:-]{1,128}$/);
    const anyKey = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/);

    await fc.assert(
      fc.asyncProperty(anyRoom, fc.string({ unit: "grapheme" }), anyKey, async (room, user, key) => {
        const session = digest(`parlor1\n${room}\n${user}\n${key}`);
        expect(await deriveIdentity(room, user, key)).toEqual({
          session,
          member: digest(`member\n${session}`),
        });
      }),
    );
  });

  it("[J4 N1 G12] a room name cannot contain the line break that would give two clients the same session id", async () => {
    const key = "k".repeat(22);
    const [ana, forged] = await Promise.all([
      deriveIdentity("a", "b\nc", key),
      deriveIdentity("a\nb", "c", key),
    ]);

    expect(ana.session).toBe(forged.session);
    expect(isRoomName("a\nb")).toBe(false);
  });
});

describe("keys and epochs", () => {
  it.each([
    ["k".repeat(22), true],
    ["_-".repeat(11), true],
    ["k".repeat(21), false],
    ["k".repeat(23), false],
    [`${"k".repeat(22)}\n`, false],
    ["+".repeat(22), false],
  ])("[J3] %j is a key: %s", (text, is) => {
    expect(isKey(text)).toBe(is);
  });

  it("[J3] random keys are valid and differ", () => {
    const keys = Array.from({ length: 200 }, randomKey);

    expect(keys.every(isKey)).toBe(true);
    expect(new Set(keys).size).toBe(200);
  });

  it("[P1] random epochs are base64url, and differ within their first eight characters", () => {
    const epochs = Array.from({ length: 200 }, randomEpoch);

    for (const epoch of epochs) expect(epoch).toMatch(/^[A-Za-z0-9_-]{1,32}$/);
    expect(new Set(epochs.map((epoch) => epoch.slice(0, 8))).size).toBe(200);
  });
});
