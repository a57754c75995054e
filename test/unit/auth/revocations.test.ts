import { describe, expect, it } from "vitest";
import {
  Revocations,
  isRevokedBy,
  type RegistryApi,
  type Revocation,
} from "../../../src/auth/revocations.ts";

const NOW = 1_800_000_000_000;
const ACCESS = { grants: [], issuedAt: NOW - 1_000, tokenId: "t1" };

function revocation(id: string, at: number, more: Partial<Revocation> = {}): Revocation {
  return { kind: "user", id, at, until: at + 3_600_000, ...more };
}

/** A registry whose replies a test can hold back, and a clock. */
function world() {
  const list: Revocation[] = [];
  const asked: number[] = [];
  const held: (() => void)[] = [];
  const state = { now: NOW, fails: false, holds: false };
  const registry: RegistryApi = {
    revoke: () => Promise.resolve(undefined),
    since: async (at) => {
      asked.push(at);
      if (state.fails) throw new Error("down");
      const answer = list.filter((known) => known.at >= at);
      if (state.holds) await new Promise<void>((resolve) => held.push(resolve));
      return answer;
    },
  };
  const revocations = new Revocations(
    () => registry,
    () => state.now,
  );
  return { list, asked, held, state, revocations };
}

describe("the tokens that a revocation covers", () => {
  it("[D11] revoking a user covers earlier tokens and tokens without an issue time, but no later ones", () => {
    const ana = revocation("ana", NOW);

    expect(isRevokedBy(ana, "ana", { grants: [], issuedAt: NOW - 1 })).toBe(true);
    expect(isRevokedBy(ana, "ana", { grants: [] })).toBe(true);
    expect(isRevokedBy(ana, "ana", undefined)).toBe(true);
    expect(isRevokedBy(ana, "ana", { grants: [], issuedAt: NOW })).toBe(false);
    expect(isRevokedBy(ana, "bob", { grants: [], issuedAt: NOW - 1 })).toBe(false);
  });

  it("[D11] revoking a token covers its id alone, for any user and any issue time", () => {
    const one = revocation("t1", NOW, { kind: "token" });

    expect(isRevokedBy(one, "ana", { grants: [], tokenId: "t1", issuedAt: NOW + 1 })).toBe(true);
    expect(isRevokedBy(one, "t1", { grants: [] })).toBe(false);
  });
});

describe("the revocations that an isolate knows", () => {
  it("[D11 G11] an isolate requests only new revocations, and at most once every few seconds", async () => {
    const { list, asked, state, revocations } = world();
    list.push(revocation("ana", NOW - 500));

    expect(await revocations.refusal("ana", ACCESS)).toEqual({ code: "token_revoked" });
    expect(await revocations.refusal("bob", ACCESS)).toBeUndefined();
    state.now += 4_999;
    await revocations.refresh();
    expect(asked).toEqual([0]);
    state.now += 5_001;
    list.push(revocation("bob", NOW + 6_000));

    expect(await revocations.refusal("bob", ACCESS)).toEqual({ code: "token_revoked" });
    expect(asked).toEqual([0, NOW - 500]);
    expect(revocations.covers("ana", ACCESS)).toBe(true);
  });

  it("[D11 G10] one of many joining clients waits for a refresh, as long as the known revocations are fresh enough", async () => {
    const { asked, held, state, revocations } = world();
    await revocations.refresh();
    state.now += 6_000;
    state.holds = true;

    const first = revocations.refusal("ana", ACCESS);
    const others = await Promise.all(Array.from({ length: 100 }, () => revocations.refusal("bob", ACCESS)));
    expect(others.every((refusal) => refusal === undefined)).toBe(true);
    expect(asked).toHaveLength(2);

    state.now += 2_000;
    const late = revocations.refusal("cem", ACCESS);
    expect(asked).toHaveLength(3);
    for (const answer of held) answer();
    expect(await Promise.all([first, late])).toEqual([undefined, undefined]);
  });

  it("[D11] a failed request to the registry is retried after half a second, and clients are served until the known revocations are too old", async () => {
    const { asked, state, revocations } = world();
    await revocations.refresh();
    state.fails = true;
    state.now += 7_999;
    expect(await revocations.refusal("ana", ACCESS)).toBeUndefined();

    state.now += 1;
    state.now += 500;
    expect(await revocations.refusal("ana", ACCESS)).toMatchObject({ code: "unavailable" });
    const before = asked.length;
    for (let n = 0; n < 100; n++) {
      expect(await revocations.refusal("ana", ACCESS)).toMatchObject({ code: "unavailable" });
    }
    expect(asked).toHaveLength(before);

    state.fails = false;
    state.now += 500;
    expect(await revocations.refusal("ana", ACCESS)).toBeUndefined();
    expect(await revocations.refusal("", { grants: [] })).toBeUndefined();
  });

  it("[D11] a reply that arrives after a newer one does not undo a revocation", async () => {
    const { list, held, state, revocations } = world();
    list.push(revocation("ana", NOW - 60_000));
    state.holds = true;
    const slow = revocations.refresh();
    list.splice(0, 1, revocation("ana", NOW - 2_000), revocation("bob", NOW - 1_000));
    state.now += 8_000;
    const fast = revocations.refresh();

    held[1]?.();
    await fast;
    held[0]?.();
    await slow;

    expect(revocations.covers("ana", { grants: [], issuedAt: NOW - 30_000 })).toBe(true);
  });

  it("[D11] a revocation that an isolate learns of applies immediately, and it still requests all new revocations", async () => {
    const { list, asked, state, revocations } = world();
    revocations.learn(revocation("ana", NOW));
    list.push(revocation("bob", NOW - 1_000));

    expect(revocations.covers("ana", ACCESS)).toBe(true);
    expect(await revocations.refusal("bob", { grants: [], issuedAt: NOW - 2_000 })).toMatchObject({
      code: "token_revoked",
    });
    expect(asked).toEqual([0]);
    state.now += 3_600_000;
    await revocations.refresh();
    expect(revocations.covers("ana", ACCESS)).toBe(false);
  });

  it("[D11] an isolate requests revocations again when its clock was set back", async () => {
    const { asked, state, revocations } = world();
    await revocations.refresh();
    state.now -= 3_600_000;

    await revocations.refresh();

    expect(asked).toHaveLength(2);
  });

  it("[D11] without a registry nobody is revoked, and nothing is requested", async () => {
    const revocations = new Revocations(undefined, () => NOW);

    expect(revocations.isOn).toBe(false);
    expect(await revocations.refusal("ana", ACCESS)).toBeUndefined();
  });
});
