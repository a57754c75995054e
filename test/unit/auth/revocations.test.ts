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

/** A registry of a test, whose answers may be held back, and a clock. */
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

describe("what is revoked", () => {
  it("[D11] a user's tokens of before, those that do not say, and no later ones", () => {
    const ana = revocation("ana", NOW);

    expect(isRevokedBy(ana, "ana", { grants: [], issuedAt: NOW - 1 })).toBe(true);
    expect(isRevokedBy(ana, "ana", { grants: [] })).toBe(true);
    expect(isRevokedBy(ana, "ana", undefined)).toBe(true);
    expect(isRevokedBy(ana, "ana", { grants: [], issuedAt: NOW })).toBe(false);
    expect(isRevokedBy(ana, "bob", { grants: [], issuedAt: NOW - 1 })).toBe(false);
  });

  it("[D11] a token by its id alone, whoever has it and whenever it was issued", () => {
    const one = revocation("t1", NOW, { kind: "token" });

    expect(isRevokedBy(one, "ana", { grants: [], tokenId: "t1", issuedAt: NOW + 1 })).toBe(true);
    expect(isRevokedBy(one, "t1", { grants: [] })).toBe(false);
  });
});

describe("what an isolate knows", () => {
  it("[D11 G11] only what is new is asked for, and not again for a few seconds", async () => {
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

  it("[D11 G10] of many who come while it is asked again one waits, as long as what is known is new enough", async () => {
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

  it("[D11] a registry that fails is asked again in half a second; until what is known is too old nobody notices", async () => {
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

  it("[D11] an answer that was overtaken takes nothing back", async () => {
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

  it("[D11] what it was told of it knows at once, and still asks for all that is new", async () => {
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

  it("[D11] with a clock that was set back it asks", async () => {
    const { asked, state, revocations } = world();
    await revocations.refresh();
    state.now -= 3_600_000;

    await revocations.refresh();

    expect(asked).toHaveLength(2);
  });

  it("[D11] without a registry nobody is revoked, and nothing asked", async () => {
    const revocations = new Revocations(undefined, () => NOW);

    expect(revocations.isOn).toBe(false);
    expect(await revocations.refusal("ana", ACCESS)).toBeUndefined();
  });
});
