import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TokenVerifier } from "../../../src/auth/verifier.ts";
import { KeyServer } from "../../support/key-server.ts";
import { forge, signer, usualClaims, type Signer } from "../../support/signing.ts";

/** How long a fetched set is good for, and how soon it is fetched again for a key that is not known: the library's. */
const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;

/** How long the last set is used while no other can be fetched, and the interval of attempts. */
const MAX_STALE_MS = 3_600_000;
const PAUSE_MS = 30_000;

// The clock stands still unless a test moves it.
beforeEach(() => vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000));
afterEach(() => vi.useRealTimers());

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

function verifierOf(
  jwksUrl: string,
  keys: readonly object[] = [],
  secrets: readonly string[] = [],
): TokenVerifier {
  const none = { issuer: undefined, audience: undefined, clockToleranceS: 0 };
  return new TokenVerifier({ ...none, secrets, keys, jwksUrl }, () => Date.now());
}

/** The user of a token, or the code of its refusal. */
async function userOf(verifier: TokenVerifier, token: string): Promise<string> {
  const checked = await verifier.verify(token);
  return checked.ok ? checked.value.user : checked.error.code;
}

/** A token that is good for as long as any test. */
function lasting(key: Signer): Promise<string> {
  return key.sign({ exp: Math.floor(Date.now() / 1000) + 86_400 });
}

describe("a key set that is fetched", () => {
  it.each(["RS256", "PS256", "ES256", "EdDSA"])(
    "[D4] checks %s, and is fetched once for many tokens",
    async (alg) => {
      const key = await signer(alg, "k1");
      await using server = await KeyServer.start([key.jwk]);
      const verifier = verifierOf(server.url);
      const token = await lasting(key);

      expect(server.requests).toHaveLength(0); // not before there is a token to check
      const users = await Promise.all(Array.from({ length: 20 }, () => userOf(verifier, token)));
      pass(MAX_AGE_MS - 1);
      users.push(await userOf(verifier, token));

      expect(new Set(users)).toEqual(new Set(["ana"]));
      expect(server.requests.map(({ method, url }) => [method, url])).toEqual([["GET", "/keys"]]);
    },
  );

  it("[D4] is fetched again after ten minutes: a key that was taken out signs no more", async () => {
    const [old, fresh] = [await signer("ES256", "old"), await signer("ES256", "new")];
    await using server = await KeyServer.start([old.jwk]);
    const verifier = verifierOf(server.url);
    const token = await lasting(old);
    expect(await userOf(verifier, token)).toBe("ana");

    server.serve(fresh.jwk);
    expect(await userOf(verifier, token)).toBe("ana");
    pass(MAX_AGE_MS);

    expect(await userOf(verifier, token)).toBe("token_invalid");
    expect(await userOf(verifier, await lasting(fresh))).toBe("ana");
    expect(server.requests).toHaveLength(2);
  });

  it("[D4 G6] is fetched at once for a key that is new, and then no sooner than after a pause", async () => {
    const [first, second, third] = [
      await signer("RS256", "k1"),
      await signer("RS256", "k2"),
      await signer("RS256", "k3"),
    ];
    await using server = await KeyServer.start([first.jwk]);
    const verifier = verifierOf(server.url);
    expect(await userOf(verifier, await lasting(first))).toBe("ana");

    server.serve(first.jwk, second.jwk);
    pass(COOLDOWN_MS);
    expect(await userOf(verifier, await lasting(second))).toBe("ana");
    expect(server.requests).toHaveLength(2);

    server.serve(first.jwk, second.jwk, third.jwk);
    pass(COOLDOWN_MS - 1);
    expect(await userOf(verifier, await lasting(third))).toBe("token_invalid");
    expect(server.requests).toHaveLength(2);
    pass(1);
    expect(await userOf(verifier, await lasting(third))).toBe("ana");
    expect(await userOf(verifier, await lasting(first))).toBe("ana");
    expect(server.requests).toHaveLength(3);
  });

  it("[D5 G10] is not fetched for each token of a flood whose keys are unknown", async () => {
    const key = await signer("ES256", "k1");
    await using server = await KeyServer.start([key.jwk]);
    const verifier = verifierOf(server.url);
    expect(await userOf(verifier, await lasting(key))).toBe("ana");

    for (let n = 0; n < 50; n++) {
      const header = JSON.stringify({ alg: "ES256", kid: `unknown-${n}` });
      expect(await userOf(verifier, await forge(header, JSON.stringify(usualClaims()), "x"))).toBe(
        "token_invalid",
      );
    }

    expect(server.requests).toHaveLength(1);
  });

  it("[D5 G10] is not asked for tokens that no public key can have signed", async () => {
    await using server = await KeyServer.start([]);
    const verifier = verifierOf(server.url, [], ["s".repeat(32)]);

    for (const alg of ["HS256", "HS512", "none", "dir"]) {
      const token = await forge(
        JSON.stringify({ alg, kid: "k1" }),
        JSON.stringify(usualClaims()),
        "x".repeat(32),
      );
      expect(await userOf(verifier, token)).toBe("token_invalid");
    }
    expect(await userOf(verifier, "no.token.this")).toBe("token_invalid");

    expect(server.requests).toHaveLength(0);
  });

  it("[D4 G10] is not asked where a configured key has signed", async () => {
    const [here, there] = [await signer("ES256", "here"), await signer("ES256", "there")];
    await using server = await KeyServer.start([there.jwk]);
    const verifier = verifierOf(server.url, [here.jwk]);

    expect(await userOf(verifier, await lasting(here))).toBe("ana");
    expect(server.requests).toHaveLength(0);
    expect(await userOf(verifier, await lasting(there))).toBe("ana");
    expect(server.requests).toHaveLength(1);
  });

  it("[D4 G12] holds no secrets: one in it signs nothing", async () => {
    const secret = "c2VjcmV0LW9mLXRoaXJ0eS10d28tY2hhcmFjdGVycyE";
    await using server = await KeyServer.start([{ kty: "oct", k: secret, kid: "k1", alg: "HS256" }]);
    const token = await forge('{"alg":"HS256","kid":"k1"}', JSON.stringify(usualClaims()), atob(secret));

    expect(await userOf(verifierOf(server.url), token)).toBe("token_invalid");
  });

  it("[D4] need not name its keys", async () => {
    const keys = [await signer("RS256"), await signer("RS256")];
    await using server = await KeyServer.start(keys.map(({ jwk }) => jwk));
    const verifier = verifierOf(server.url);

    for (const key of keys) expect(await userOf(verifier, await lasting(key))).toBe("ana");
  });
});

describe("a key that is being rotated in", () => {
  it.each<[string, () => Promise<Signer>]>([
    ["that names its key", () => signer("ES256", "new")],
    ["that names no key", () => signer("ES256")],
  ])(
    "[D5] a token %s is rejected with the time after which the key is fetched again",
    async (_what, made) => {
      const [old, fresh] = [await signer("ES256", "old"), await made()];
      await using server = await KeyServer.start([old.jwk]);
      const verifier = verifierOf(server.url);
      await userOf(verifier, await lasting(old));
      server.serve(old.jwk, fresh.jwk);

      const early = await verifier.verify(await lasting(fresh));
      const retryAfterMs = early.ok ? 0 : early.error.retryAfterMs;

      expect(early).toMatchObject({ ok: false, error: { code: "token_invalid" } });
      expect(retryAfterMs).toBeGreaterThanOrEqual(COOLDOWN_MS);
    },
  );
});

describe("a key set that cannot be had", () => {
  type Answer = KeyServer["answer"];

  const OUTAGES: readonly [what: string, answer: Answer][] = [
    ["is answered 500", (response) => response.writeHead(500).end()],
    ["is answered 404", (response) => response.writeHead(404).end("not here")],
    ["is answered 204", (response) => response.writeHead(204).end()],
    ["is elsewhere", (response) => response.writeHead(302, { Location: "https://eve.example/" }).end()],
    ["is no JSON", (response) => response.end("<html>")],
    ["is empty", (response) => response.end()],
    ["is another JSON", (response) => response.end('{"keys":{}}')],
    ["is a list of no keys", (response) => response.end('{"keys":[null]}')],
    ["is cut off", (response) => response.writeHead(200, { "Content-Length": 100 }).write("{", () => response.destroy())], // prettier-ignore
    ["is never answered", (response) => response.destroy()],
  ];

  it.each(OUTAGES)("[D5 G6] for it %s, is unavailable, and a later try succeeds", async (_what, answer) => {
    const key = await signer("ES256", "k1");
    await using server = await KeyServer.start([key.jwk]);
    const [verifier, token] = [verifierOf(server.url), await lasting(key)];
    const well = server.answer;

    server.answer = answer;
    expect(await userOf(verifier, token)).toBe("unavailable");
    expect(await userOf(verifier, token)).toBe("unavailable");
    server.answer = well;

    expect(await userOf(verifier, token)).toBe("ana");
  });

  it.each(OUTAGES)(
    "[D5 G6] when the key set %s, the known one is used for up to an hour",
    async (_what, answer) => {
      const key = await signer("ES256", "k1");
      await using server = await KeyServer.start([key.jwk]);
      const [verifier, token] = [verifierOf(server.url), await lasting(key)];
      expect(await userOf(verifier, token)).toBe("ana");

      server.answer = answer;
      pass(MAX_AGE_MS - 1);
      expect(await userOf(verifier, token)).toBe("ana");
      pass(1);
      expect(await userOf(verifier, token)).toBe("ana");
      pass(MAX_STALE_MS - MAX_AGE_MS - 1);
      expect(await userOf(verifier, token)).toBe("ana");
      pass(1);
      expect(await userOf(verifier, token)).toBe("unavailable");
    },
  );

  it("[D5 G10] during an outage, the key set is requested every 30 seconds and not for each token", async () => {
    const key = await signer("ES256", "k1");
    await using server = await KeyServer.start([key.jwk]);
    const [verifier, token] = [verifierOf(server.url), await lasting(key)];
    const well = server.answer;
    await userOf(verifier, token);
    server.answer = (response) => response.writeHead(500).end();
    pass(MAX_AGE_MS);

    for (let n = 0; n < 20; n++) expect(await userOf(verifier, token)).toBe("ana");
    const asked = server.requests.length;
    server.answer = well;
    server.serve((await signer("ES256", "k2")).jwk);
    pass(PAUSE_MS - 1);
    expect(await userOf(verifier, token)).toBe("ana");
    pass(1);

    expect(asked).toBe(2);
    expect(await userOf(verifier, token)).toBe("token_invalid");
  });

  it("[D5 G6] since nothing listens there, is unavailable", async () => {
    const key = await signer("ES256", "k1");
    const server = await KeyServer.start([]);
    const verifier = verifierOf(server.url);
    await server[Symbol.asyncDispose]();

    expect(await userOf(verifier, await lasting(key))).toBe("unavailable");
  });

  it("[D5 G6] within five seconds, is unavailable", async () => {
    const key = await signer("ES256", "k1");
    await using server = await KeyServer.start([]);
    server.answer = () => undefined;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const asked = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(ms / 100));

    expect(await userOf(verifierOf(server.url), await lasting(key))).toBe("unavailable");

    expect(asked.mock.calls).toEqual([[5_000]]);
    asked.mockRestore();
  });

  it("[D5 G6] does not matter to tokens that another key has signed, and tells nothing of them", async () => {
    const here = await signer("ES256", "here");
    await using server = await KeyServer.start([]);
    server.answer = (response) => response.writeHead(503).end("a secret of the backend's");
    const verifier = verifierOf(server.url, [here.jwk], ["s".repeat(32)]);

    expect(await userOf(verifier, await lasting(here))).toBe("ana");
    const hs256 = await forge('{"alg":"HS256"}', JSON.stringify(usualClaims()), "s".repeat(32));
    expect(await userOf(verifier, hs256)).toBe("ana");
    const refused = await verifier.verify(await lasting(await signer("ES256", "there")));
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable" } });
    expect(JSON.stringify(refused)).not.toMatch(/127\.0\.0\.1|backend/);
  });
});
