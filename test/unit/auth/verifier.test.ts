import { exportSPKI, generateKeyPair, exportJWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { TokenRules } from "../../../src/auth/rules.ts";
import { TokenVerifier } from "../../../src/auth/verifier.ts";
import type { WireError } from "../../../src/protocol/errors.ts";
import { base64url, forge, nowS, signer, usualClaims, type Signer } from "../../support/signing.ts";

const SECRET = "a-secret-for-tests-of-32-characters";

const HS256 = '{"alg":"HS256"}';

// The clock stands still, on a whole second, because tokens count whole seconds.
beforeEach(() => vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000));
afterEach(() => vi.useRealTimers());

function verifierOf(rules: Partial<TokenRules>): TokenVerifier {
  const none = { secrets: [], keys: [], jwksUrl: undefined, issuer: undefined, audience: undefined };
  return new TokenVerifier({ ...none, clockToleranceS: 0, ...rules }, () => Date.now());
}

/** The user of a token, or the error code if the token is rejected. */
async function userOf(verifier: TokenVerifier, token: string): Promise<string> {
  const checked = await verifier.verify(token);
  return checked.ok ? checked.value.user : checked.error.code;
}

/** An HS256 token with these claims; `undefined` removes a usual one. */
function hs256(claims: object = {}, secret: string | Uint8Array = SECRET): Promise<string> {
  return forge(HS256, JSON.stringify({ ...usualClaims(), ...claims }), secret);
}

describe("signatures", () => {
  const ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
  ];

  it.each(ALGORITHMS)(
    "[D4] a %s signature is verified with a public key, with or without a key id",
    async (alg) => {
      const [named, nameless] = [await signer(alg, "k1"), await signer(alg)];

      expect(await userOf(verifierOf({ keys: [named.jwk] }), await named.sign())).toBe("ana");
      expect(await userOf(verifierOf({ keys: [nameless.jwk] }), await nameless.sign())).toBe("ana");
      expect(await userOf(verifierOf({ keys: [named.jwk] }), await nameless.sign())).toBe("token_invalid");
    },
  );

  it("[D4] a token signed with any of several public keys is accepted, even for one algorithm and without key ids", async () => {
    const keys = [await signer("ES256"), await signer("ES256"), await signer("RS256"), await signer("EdDSA")];
    const verifier = verifierOf({ keys: keys.map(({ jwk }) => jwk) });

    for (const key of keys) expect(await userOf(verifier, await key.sign())).toBe("ana");
    expect(await userOf(verifier, await (await signer("ES256")).sign())).toBe("token_invalid");
  });

  it("[D4] a token signed with any of several keys with the same key id is accepted", async () => {
    const keys = [await signer("RS256", "same"), await signer("RS256", "same")];
    const verifier = verifierOf({ keys: keys.map(({ jwk }) => jwk) });

    for (const key of keys) expect(await userOf(verifier, await key.sign())).toBe("ana");
  });

  it("[D4] secrets and public keys can be used together", async () => {
    const key = await signer("ES256", "k1");
    const verifier = verifierOf({ secrets: ["x".repeat(32), SECRET], keys: [key.jwk] });

    expect(await userOf(verifier, await key.sign())).toBe("ana");
    expect(await userOf(verifier, await hs256())).toBe("ana");
    expect(await userOf(verifier, await hs256({}, "y".repeat(32)))).toBe("token_invalid");
  });

  it("[D4] a key for another use or algorithm does not verify a token", async () => {
    const key = await signer("RS256", "k1");

    for (const not of [{ use: "enc" }, { alg: "PS256" }, { key_ops: ["encrypt"] }]) {
      expect(await userOf(verifierOf({ keys: [{ ...key.jwk, ...not }] }), await key.sign())).toBe(
        "token_invalid",
      );
    }
  });

  it.each([
    ["a changed payload", ([head, , sign]: string[]) => [head, base64url(JSON.stringify(usualClaims({ sub: "eve" }))), sign]], // prettier-ignore
    ["a changed header", ([, body, sign]: string[]) => [base64url('{"alg":"HS256","x":1}'), body, sign]],
    ["no signature", ([head, body]: string[]) => [head, body, ""]],
    ["only two parts", ([head, body]: string[]) => [head, body]],
    ["four parts", (parts: string[]) => [...parts, ""]],
    ["a truncated signature", ([head, body, sign = ""]: string[]) => [head, body, sign.slice(0, -2)]],
    ["a payload that is not base64", ([head, , sign]: string[]) => [head, "!!!", sign]],
  ])("[D5 G12] a token with %s is token_invalid", async (_what, change) => {
    const token = change((await hs256()).split(".")).join(".");

    expect(await userOf(verifierOf({ secrets: [SECRET] }), token)).toBe("token_invalid");
  });
});

describe("algorithms", () => {
  let key: Signer;
  beforeAll(async () => {
    key = await signer("RS256", "k1");
  });

  it.each([
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    "HS384",
    "HS512",
    "ES256K",
    "RSA-OAEP",
    "dir",
    "hs256",
    "rs256",
  ])("[D4 D5 G12] the algorithm %j is not accepted, signed or unsigned", async (alg) => {
    const verifier = verifierOf({ secrets: [SECRET], keys: [key.jwk] });
    const payload = JSON.stringify(usualClaims());
    const unsigned = `${base64url(JSON.stringify({ alg }))}.${base64url(payload)}.`;

    expect(await userOf(verifier, unsigned)).toBe("token_invalid");
    expect(await userOf(verifier, await forge(JSON.stringify({ alg, kid: "k1" }), payload, SECRET))).toBe(
      "token_invalid",
    );
  });

  it.each(["null", "1", "{}", '["HS256"]'])(
    "[D4 D5 G12] %s is not accepted as the name of an algorithm",
    async (alg) => {
      const token = await forge(`{"alg":${alg}}`, JSON.stringify(usualClaims()), SECRET);

      expect(await userOf(verifierOf({ secrets: [SECRET] }), token)).toBe("token_invalid");
    },
  );

  it("[D4 G12] a public key in any format is not accepted as a secret", async () => {
    const { publicKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1" };
    const pem = await exportSPKI(publicKey);
    const der = Uint8Array.from(atob(pem.replace(/-----.*?-----|\s/g, "")), (char) => char.charCodeAt(0));
    const verifier = verifierOf({ keys: [jwk], secrets: [SECRET] });
    const forms = [pem, pem.trim(), `${pem.trim()}\n`, der, JSON.stringify(jwk), JSON.stringify({ keys: [jwk] }), jwk.n ?? ""]; // prettier-ignore

    for (const form of forms) {
      expect(await userOf(verifier, await hs256({}, form))).toBe("token_invalid");
      const named = await forge('{"alg":"HS256","kid":"k1"}', JSON.stringify(usualClaims()), form);
      expect(await userOf(verifierOf({ keys: [jwk] }), named)).toBe("token_invalid");
    }
  });

  it("[D4 G12] a token that names another algorithm than its key is rejected", async () => {
    const verifier = verifierOf({ keys: [key.jwk] });
    const [head = "", body, sign] = (await key.sign()).split(".");
    const other = base64url(atob(head).replace("RS256", "PS256"));

    expect(await userOf(verifier, [other, body, sign].join("."))).toBe("token_invalid");
  });

  it("[D4 G12] keys that a token contains or links to are ignored", async () => {
    const eve = await signer("RS256", "k1");
    const fetched = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("nobody may ask"));
    const verifier = verifierOf({ keys: [key.jwk], secrets: [SECRET] });

    for (const header of [
      { jwk: eve.jwk },
      { jku: "https://eve.example/keys" },
      { x5u: "https://eve.example/chain" },
      { x5c: ["MIIB"] },
    ]) {
      expect(await userOf(verifier, await eve.sign({}, header))).toBe("token_invalid");
      expect(await userOf(verifier, await key.sign({}, header))).toBe("ana");
    }
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
  });
});

describe("headers", () => {
  it.each([
    ["an unknown crit", '{"alg":"HS256","crit":["exp"],"exp":1}'],
    ["an empty crit", '{"alg":"HS256","crit":[]}'],
    ["a crit for a missing parameter", '{"alg":"HS256","crit":["b64"]}'],
    ["a payload that is not encoded", '{"alg":"HS256","crit":["b64"],"b64":false}'],
    ["a b64 that is not a boolean", '{"alg":"HS256","crit":["b64"],"b64":1}'],
    ["two algorithms, the last of them none", '{"alg":"HS256","alg":"none"}'],
    ["an array as the header", '["HS256"]'],
    ["a string as the header", '"HS256"'],
    ["a header that is not valid JSON", "{alg:HS256}"],
    ["an empty header", ""],
  ])("[D5 G12] a token with %s is token_invalid", async (_what, header) => {
    const token = await forge(header, JSON.stringify(usualClaims()), SECRET);

    expect(await userOf(verifierOf({ secrets: [SECRET] }), token)).toBe("token_invalid");
  });

  it("[D4] the last value of a repeated field counts, for the header and the payload", async () => {
    const verifier = verifierOf({ secrets: [SECRET] });
    const payload = JSON.stringify(usualClaims()).replace("{", '{"sub":"eve",');

    expect(await userOf(verifier, await forge('{"alg":"none","alg":"HS256"}', payload, SECRET))).toBe("ana");
  });

  it("[D5 G10] a token longer than 8,192 characters is rejected without a check, and one of that length is checked", async () => {
    const verifier = verifierOf({ secrets: [SECRET] });
    const bare = (await hs256({ pad: "" })).length;
    const fits = await hs256({ pad: "x".repeat(Math.floor(((8_192 - bare) * 3) / 4) - 2) });

    expect(fits.length).toBeGreaterThan(8_180);
    expect(fits.length).toBeLessThanOrEqual(8_192);
    expect(await userOf(verifier, fits)).toBe("ana");
    expect(await userOf(verifier, await hs256({ pad: "x".repeat(6_200) }))).toBe("token_invalid");
    expect(await userOf(verifier, "x".repeat(10_000_000))).toBe("token_invalid");
  });
});

describe("payloads", () => {
  it.each(["[]", "null", "1", '"ana"', "", "{", "{sub:1}", '["ana"]'])(
    "[D5 G12] the payload %j is token_invalid",
    async (payload) => {
      expect(await userOf(verifierOf({ secrets: [SECRET] }), await forge(HS256, payload, SECRET))).toBe(
        "token_invalid",
      );
    },
  );

  it.each<[string, object]>([
    ["no sub", { sub: undefined }],
    ["an empty sub", { sub: "" }],
    ["a sub that is a number", { sub: 7 }],
    ["a sub of 129 characters", { sub: "a".repeat(129) }],
    ["no exp", { exp: undefined }],
    ["an exp that is a string", { exp: "9999999999" }],
    ["an exp that is null", { exp: null }],
    ["no rooms", { rooms: undefined }],
    ["rooms that are a list", { rooms: ["join"] }],
    ["rooms that are null", { rooms: null }],
    ["capabilities that are a string", { rooms: { "*": "join" } }],
    ["a capability that is an object", { rooms: { "*": [{}] } }],
    ["a capability that objects inherit", { rooms: { "*": ["constructor"] } }],
    ["65 patterns", { rooms: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, ["join"]])) }],
    ["info of 1,025 bytes", { info: "x".repeat(1_023) }],
    ["a jti that is a number", { jti: 7 }],
    ["an nbf that is a string", { nbf: "1" }],
  ])("[D3 D4 D5] a token with %s is token_invalid", async (_what, claims) => {
    expect(await userOf(verifierOf({ secrets: [SECRET] }), await hs256(claims))).toBe("token_invalid");
  });

  it.each(["1e400", "1e306"])(
    "[D4] an exp of %s, which is later than any date, is token_invalid",
    async (exp) => {
      const payload = JSON.stringify(usualClaims({ exp: 7 })).replace('"exp":7', `"exp":${exp}`);

      expect(await userOf(verifierOf({ secrets: [SECRET] }), await forge(HS256, payload, SECRET))).toBe(
        "token_invalid",
      );
    },
  );

  it("[D3] a token with the largest allowed claims is accepted unchanged", async () => {
    const claims = { sub: "a".repeat(128), info: "x".repeat(1_022), jti: "j".repeat(128) };
    const checked = await verifierOf({ secrets: [SECRET] }).verify(await hs256(claims));

    expect(checked).toMatchObject({
      ok: true,
      value: { user: claims.sub, info: JSON.stringify(claims.info), tokenId: claims.jti },
    });
  });
});

describe("issuer, audience and times", () => {
  const verifier = verifierOf({ secrets: [SECRET], issuer: "https://issuer", audience: "parlor" });
  const ours = { iss: "https://issuer", aud: "parlor" };

  it.each<[string, object, string]>([
    ["with the expected issuer and audience", {}, "ana"],
    ["with the audience among others", { aud: ["x", "parlor"] }, "ana"],
    ["from another issuer", { iss: "https://issuer/" }, "token_invalid"],
    ["without an issuer", { iss: undefined }, "token_invalid"],
    ["with a list of issuers", { iss: ["https://issuer"] }, "token_invalid"],
    ["for another audience", { aud: "parlour" }, "token_invalid"],
    ["without an audience", { aud: undefined }, "token_invalid"],
    ["with an empty list of audiences", { aud: [] }, "token_invalid"],
    ["for another audience, and expired as well", { aud: "x", exp: 1 }, "token_invalid"],
  ])("[D4 D5] the issuer and audience of a token %s are checked", async (_what, claims, outcome) => {
    expect(await userOf(verifier, await hs256({ ...ours, ...claims }))).toBe(outcome);
  });

  it("[D4] a server without an issuer and an audience does not check them", async () => {
    expect(await userOf(verifierOf({ secrets: [SECRET] }), await hs256({ iss: "x", aud: "y" }))).toBe("ana");
  });

  it.each<[string, number, (now: number) => object, string]>([
    ["expires in a second", 0, (now) => ({ exp: now + 1 }), "ana"],
    ["expires now", 0, (now) => ({ exp: now }), "token_expired"],
    ["expired 4 seconds ago, with 5 tolerated", 5, (now) => ({ exp: now - 4 }), "ana"],
    ["expired 5 seconds ago, with 5 tolerated", 5, (now) => ({ exp: now - 5 }), "token_expired"],
    ["is valid from now on", 0, (now) => ({ nbf: now }), "ana"],
    ["is valid from the next second on", 0, (now) => ({ nbf: now + 1 }), "token_invalid"],
    ["becomes valid in 5 seconds, with 5 tolerated", 5, (now) => ({ nbf: now + 5 }), "ana"],
    ["becomes valid in 6 seconds, with 5 tolerated", 5, (now) => ({ nbf: now + 6 }), "token_invalid"],
    ["was issued in the future", 0, (now) => ({ iat: now + 600 }), "ana"],
  ])("[D4 D5] the times of a token that %s are checked", async (_what, clockToleranceS, claims, outcome) => {
    const tolerant = verifierOf({ secrets: [SECRET], clockToleranceS });

    expect(await userOf(tolerant, await hs256(claims(nowS())))).toBe(outcome);
  });
});

describe("temporary refusals", () => {
  const key = signer("ES256", "k1");
  const verifier = verifierOf({ secrets: [SECRET], audience: "parlor", clockToleranceS: 5 });
  const refusalOf = async (token: string): Promise<WireError | undefined> => {
    const checked = await verifier.verify(token);
    return checked.ok ? undefined : checked.error;
  };

  it.each([
    [6, 2_000],
    [8, 4_000],
    [60, 56_000],
  ])(
    "[D5] for a token that is valid in %i s, with 5 s tolerated, retryAfterMs is %i",
    async (seconds, retryAfterMs) => {
      const token = await hs256({ aud: "parlor", nbf: nowS() + seconds });
      const refused = await refusalOf(token);

      expect(refused).toMatchObject({ code: "token_invalid", retryAfterMs });
      expect(refused?.message).toContain(`${seconds} s ahead of this server's clock`);
      vi.setSystemTime(Date.now() + retryAfterMs);
      expect(await userOf(verifier, token)).toBe("ana");
    },
  );

  it("[D5] a token that is valid in a year is rejected with a retry time of one minute", async () => {
    const refused = await refusalOf(await hs256({ aud: "parlor", nbf: nowS() + 31_536_000 }));

    expect(refused).toMatchObject({ code: "token_invalid", retryAfterMs: 60_000 });
  });

  it.each<[string, () => Promise<string>]>([
    ["another secret", () => hs256({ aud: "parlor" }, "y".repeat(32))],
    ["a public key, while the server has only secrets", async () => (await key).sign({ aud: "parlor" })],
  ])(
    "[D5] a token signed with %s is rejected with a retry time, because its key may be new",
    async (_what, made) => {
      expect(await refusalOf(await made())).toMatchObject({ code: "token_invalid", retryAfterMs: 30_000 });
    },
  );

  it.each<[string, () => Promise<string>]>([
    ["is not a JWT", async () => "nonsense"],
    ["is too long", async () => "x".repeat(8_193)],
    ["names an algorithm that is never accepted", () => forge('{"alg":"none"}', "{}", SECRET)],
    ["is for another audience", () => hs256({ aud: "other" })],
    ["has no user", () => hs256({ aud: "parlor", sub: undefined })],
    ["has claims that are malformed", () => hs256({ aud: "parlor", rooms: 7 })],
    ["has times that are malformed", () => hs256({ aud: "parlor", nbf: "soon" })],
  ])("[D5] a token that %s is rejected without a retry time", async (_what, made) => {
    const refused = await refusalOf(await made());

    expect(refused).toMatchObject({ code: "token_invalid" });
    expect(refused?.retryAfterMs).toBeUndefined();
  });
});

describe("clock tolerance", () => {
  it("[D4 D7] the clock tolerance is part of a token's expiry at the edge, in the room and for the client", async () => {
    const tolerant = verifierOf({ secrets: [SECRET], clockToleranceS: 5 });
    const checked = await tolerant.verify(await hs256({ exp: nowS() - 4 }));

    expect(checked).toMatchObject({ ok: true, value: { expiresAt: (nowS() + 1) * 1000 } });
  });

  it("[D5] an exp with a fraction of a second is applied exactly", async () => {
    const verifier = verifierOf({ secrets: [SECRET] });
    const token = await hs256({ exp: nowS() + 0.5 });

    vi.setSystemTime(Date.now() + 499);
    expect(await userOf(verifier, token)).toBe("ana");
    vi.setSystemTime(Date.now() + 1);
    expect(await userOf(verifier, token)).toBe("token_expired");
  });
});
