import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TokenVerifier } from "../../../src/auth/verifier.ts";
import { KeyServer } from "../../support/key-server.ts";
import { forge, signer, usualClaims, type Signer } from "../../support/signing.ts";

/** How long the library caches a fetched key set, and how soon it fetches the set again for an unknown key. */
const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;

/** How long the last key set is used while no new one can be fetched, and the interval between attempts. */
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

/** The user of a token, or the error code if the token is rejected. */
async function userOf(verifier: TokenVerifier, token: string): Promise<string> {
  const checked = await verifier.verify(token);
  return checked.ok ? checked.value.user : checked.error.code;
}

/** A token that outlasts every test. */
function lasting(key: Signer): Promise<string> {
  return key.sign({ exp: Math.floor(Date.now() / 1000) + 86_400 });
}

describe("a fetched key set", () => {
  it.each(["RS256", "PS256", "ES256", "EdDSA"])(
    "[D4] a fetched key set verifies %s signatures, and is fetched once for many tokens",
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

  it("[D4] a key set is fetched again after ten minutes, and tokens of a removed key are then rejected", async () => {
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

  it("[D4 G6] a key set is fetched immediately for an unknown key, and again only after a pause", async () => {
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

  it("[D5 G10] a flood of tokens with unknown keys does not fetch the key set for each token", async () => {
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

  it("[D5 G10] the key set is not fetched for tokens that no public key can have signed", async () => {
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

  it("[D4 G10] the key set is not fetched for a token that a configured key signed", async () => {
    const [here, there] = [await signer("ES256", "here"), await signer("ES256", "there")];
    await using server = await KeyServer.start([there.jwk]);
    const verifier = verifierOf(server.url, [here.jwk]);

    expect(await userOf(verifier, await lasting(here))).toBe("ana");
    expect(server.requests).toHaveLength(0);
    expect(await userOf(verifier, await lasting(there))).toBe("ana");
    expect(server.requests).toHaveLength(1);
  });

  it("[D4 G12] a secret in a fetched key set is not used to verify tokens", async () => {
    const secret = "c2VjcmV0LW9mLXRoaXJ0eS10d28tY2hhcmFjdGVycyE";
    await using server = await KeyServer.start([{ kty: "oct", k: secret, kid: "k1", alg: "HS256" }]);
    const token = await forge('{"alg":"HS256","kid":"k1"}', JSON.stringify(usualClaims()), atob(secret));

    expect(await userOf(verifierOf(server.url), token)).toBe("token_invalid");
  });

  it("[D4] the keys of a fetched key set need no names", async () => {
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

describe("a key set that cannot be fetched", () => {
  type Answer = KeyServer["answer"];

  const OUTAGES: readonly [what: string, answer: Answer][] = [
    ["responds with 500", (response) => response.writeHead(500).end()],
    ["responds with 404", (response) => response.writeHead(404).end("not here")],
    ["responds with 204", (response) => response.writeHead(204).end()],
    [
      "redirects elsewhere",
      (response) => response.writeHead(302, { Location: "https://eve.example/" }).end(),
    ],
    ["is not valid JSON", (response) => response.end("<html>")],
    ["is empty", (response) => response.end()],
    ["has an unexpected shape", (response) => response.end('{"keys":{}}')],
    ["is a list with null for a key", (response) => response.end('{"keys":[null]}')],
    ["is cut off", (response) => response.writeHead(200, { "Content-Length": 100 }).write("{", () => response.destroy())], // prettier-ignore
    ["is disconnected without a response", (response) => response.destroy()],
  ];

  it.each(OUTAGES)(
    "[D5 G6] when the key set %s, a token is rejected with unavailable, and a later attempt succeeds",
    async (_what, answer) => {
      const key = await signer("ES256", "k1");
      await using server = await KeyServer.start([key.jwk]);
      const [verifier, token] = [verifierOf(server.url), await lasting(key)];
      const well = server.answer;

      server.answer = answer;
      expect(await userOf(verifier, token)).toBe("unavailable");
      expect(await userOf(verifier, token)).toBe("unavailable");
      server.answer = well;

      expect(await userOf(verifier, token)).toBe("ana");
    },
  );

  it.each(OUTAGES)(
    "[D5 G6] when the key set %s, the last known set is used for up to an hour",
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

  it("[D5 G6] a token is rejected with unavailable if nothing listens at the key set's address", async () => {
    const key = await signer("ES256", "k1");
    const server = await KeyServer.start([]);
    const verifier = verifierOf(server.url);
    await server[Symbol.asyncDispose]();

    expect(await userOf(verifier, await lasting(key))).toBe("unavailable");
  });

  it("[D5 G6] a token is rejected with unavailable if the key set does not arrive within five seconds", async () => {
    const key = await signer("ES256", "k1");
    await using server = await KeyServer.start([]);
    server.answer = () => undefined;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const asked = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(ms / 100));

    expect(await userOf(verifierOf(server.url), await lasting(key))).toBe("unavailable");

    expect(asked.mock.calls).toEqual([[5_000]]);
    asked.mockRestore();
  });

  it("[D5 G6] an outage does not affect tokens signed with configured keys, and the error exposes nothing of the key server", async () => {
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
