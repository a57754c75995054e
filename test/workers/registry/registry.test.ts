import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RegistryApi, Revocation } from "../../../src/auth/revocations.ts";
import { randomKey } from "../../../src/protocol/ids.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import { crash, request } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { ADMIN_KEY, bearer } from "../support/tokens.ts";

// The clock is frozen. Only the tests move it.
beforeEach(() => vi.setSystemTime(Date.now()));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

const { REGISTRY } = env as unknown as {
  REGISTRY: DurableObjectNamespace<Rpc.DurableObjectBranded & RegistryApi>;
};

/** A registry for one test. Each use creates a new stub. */
function registry(): { readonly stub: DurableObjectStub & RegistryApi } {
  const name = randomKey();
  return {
    get stub() {
      return REGISTRY.getByName(name) as unknown as DurableObjectStub & RegistryApi;
    },
  };
}

const HOUR_MS = 3_600_000;

function user(id: string): Pick<Revocation, "kind" | "id"> {
  return { kind: "user", id };
}

describe("the registry", () => {
  it("[D11 G6] the registry keeps revocations over hibernation and a crash", async () => {
    const of = registry();
    const ana = await of.stub.revoke(user("ana"), HOUR_MS);
    pass(1);
    const token = await of.stub.revoke({ kind: "token", id: "ana" }, HOUR_MS);

    await evictDurableObject(of.stub);
    expect(await of.stub.since(0)).toEqual([ana, token]);
    await crash();
    expect(await of.stub.since(0)).toEqual([ana, token]);
  });

  it("[D11] the registry returns revocations from a time on, including those of the same millisecond", async () => {
    const of = registry();
    const [ana, bob] = [
      await of.stub.revoke(user("ana"), HOUR_MS),
      await of.stub.revoke(user("bob"), HOUR_MS),
    ];
    pass(1);
    const cem = await of.stub.revoke(user("cem"), HOUR_MS);

    expect(await of.stub.since(ana?.at ?? 0)).toEqual([ana, bob, cem]);
    expect(await of.stub.since(cem?.at ?? 0)).toEqual([cem]);
  });

  it.each([
    ["with the list in memory", () => Promise.resolve()],
    ["after the list is read again", (stub: DurableObjectStub) => evictDurableObject(stub)],
  ])(
    "[D11] the registry never gives a revocation an earlier time than a previous one, even if the clock is set back: %s",
    async (_how, between) => {
      const of = registry();
      const ana = await of.stub.revoke(user("ana"), 60_000);
      await between(of.stub);

      pass(-HOUR_MS);
      const again = await of.stub.revoke(user("ana"), 2 * HOUR_MS);
      const bob = await of.stub.revoke(user("bob"), HOUR_MS);

      expect(again?.at).toBe(ana?.at);
      expect(bob?.at).toBe(ana?.at);
      expect(await of.stub.since(ana?.at ?? 0)).toEqual([again, bob]);
    },
  );

  it("[D11] the registry keeps one entry for a user that is revoked twice, and deletes it when it expires", async () => {
    const of = registry();
    await of.stub.revoke(user("ana"), 60_000);
    pass(30_000);
    const again = await of.stub.revoke(user("ana"), 60_000);
    await of.stub.revoke(user("bob"), 30_000);

    expect(await of.stub.since(0)).toHaveLength(2);
    pass(59_999);
    expect(await of.stub.since(0)).toEqual([again]);
    pass(1);
    expect(await of.stub.since(0)).toEqual([]);
    await of.stub.revoke(user("cem"), 60_000);
    const rows = await runInDurableObject(of.stub, (_instance: DurableObject, { storage }) =>
      storage.sql.exec("SELECT id FROM revocation").toArray(),
    );
    expect(rows).toEqual([{ id: "cem" }]);
  });

  it("[D11 G10] the registry holds 10,000 revocations, rejects one more, and accepts others when some expire", async () => {
    const of = registry();
    await of.stub.revoke(user("first"), 60_000);
    await runInDurableObject(of.stub, (_instance: DurableObject, { storage }) => {
      const [at, until] = [Date.now(), Date.now() + HOUR_MS];
      storage.transactionSync(() => {
        for (let n = 1; n < 10_000; n++) {
          storage.sql.exec("INSERT INTO revocation VALUES ('user', ?, ?, ?)", `user ${n}`, at, until);
        }
      });
    });
    await evictDurableObject(of.stub);

    expect(await of.stub.revoke(user("ana"), HOUR_MS)).toBeUndefined();
    expect(await of.stub.revoke(user("user 1"), HOUR_MS)).toMatchObject({ id: "user 1" });
    pass(60_000);
    expect(await of.stub.revoke(user("ana"), HOUR_MS)).toMatchObject({ id: "ana" });
    expect(await of.stub.revoke(user("bob"), HOUR_MS)).toBeUndefined();
  });
});

describe("administration", () => {
  /** The problems of a server's variables. */
  function problemsOf(bindings: Record<string, unknown>): string {
    try {
      createParlor({ kinds: { default: { text: "any" } }, env: { ...env, ...bindings } });
      return "none";
    } catch (error) {
      return String(error);
    }
  }

  it("[D11 G12] a server does not start with ADMIN_KEYS and no REGISTRY, or with a short key", () => {
    const good = `prl_${"x".repeat(28)}`;

    expect(problemsOf({ ADMIN_KEYS: good })).toBe("none");
    expect(problemsOf({ ADMIN_KEYS: good, REGISTRY: undefined })).toContain("REGISTRY is not bound");
    expect(problemsOf({ ADMIN_KEYS: "", REGISTRY: undefined })).toBe("none");
    for (const bad of [good.slice(1), good.slice(0, -1), `${good}, prl_short`, `key_${"x".repeat(40)}`]) {
      const problems = problemsOf({ ADMIN_KEYS: bad });
      expect(problems).toContain("ADMIN_KEYS");
      expect(problems).not.toContain("xxxx");
    }
  });

  it("[D11 H4 G12] without ADMIN_KEYS every path below /admin is not_found", async () => {
    const server = serverWith({ ADMIN_KEYS: "" });

    for (const [method, path] of [
      ["GET", "/admin/revocations"],
      ["POST", "/admin/revocations"],
      ["POST", "/admin"],
    ] as const) {
      const answer = await request(path, { method, headers: bearer(ADMIN_KEY) }, server);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: "not_found" });
    }
  });

  it("[D11 H4] administration rejects an unknown method and a body of the wrong form or size", async () => {
    const server = serverWith({});
    const ask = async (method: string, path: string, body?: string): Promise<unknown> => {
      const init = { method, headers: bearer(ADMIN_KEY), ...(body !== undefined && { body }) };
      return (await request(path, init, server)).json();
    };

    expect(await ask("DELETE", "/admin/revocations")).toMatchObject({ code: "method_not_allowed" });
    expect(await ask("GET", "/admin/nothing")).toMatchObject({ code: "not_found" });
    expect(await ask("POST", "/admin/revocations", "{")).toMatchObject({ code: "bad_request" });
    expect(await ask("POST", "/admin/revocations", "[".repeat(9_000))).toMatchObject({ code: "bad_request" });
    expect(await ask("POST", "/admin/revocations", " ".repeat(40_000))).toMatchObject({
      code: "frame_too_large",
    });
    for (const keepMs of [59_999, 366 * 86_400_000, 1e5 + 0.5, "60000"]) {
      const body = JSON.stringify({ user: "ana", keepMs });
      expect(await ask("POST", "/admin/revocations", body)).toMatchObject({ code: "bad_request" });
    }
  });

  it("[D11 G12] each of several administration keys is valid, and any other key or form is rejected", async () => {
    const keys = [`prl_${"a".repeat(40)}`, `prl_${"b".repeat(40)}`];
    const server = serverWith({ ADMIN_KEYS: keys.join(" , ") });
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await request("/admin/revocations", { headers }, server)).status;

    for (const key of keys) expect(await status(bearer(key))).toBe(200);
    expect(await status(bearer(ADMIN_KEY))).toBe(401);
    expect(await status({ Authorization: `Basic ${keys[0] ?? ""}` })).toBe(401);
    expect(await status(bearer(keys.join(",")))).toBe(401);
  });
});
