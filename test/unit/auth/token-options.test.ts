import { describe, expect, it } from "vitest";
import { readTokenRules, type TokenOptions } from "../../../src/auth/rules.ts";
import { readSecrets } from "../../../src/auth/secrets.ts";

const NONE: TokenOptions = {
  tokenSecrets: "",
  tokenKeys: "",
  tokenJwksUrl: "",
  tokenIssuer: "",
  tokenAudience: "",
  tokenClockToleranceS: 5,
};
const [ONE, TWO] = ["a-secret-for-tests-of-32-characters", "another-secret-of-thirty-two-characters"];
const RSA = { kty: "RSA", n: "AQAB", e: "AQAB" };

function problemsOf(options: Partial<TokenOptions>): readonly string[] {
  return readTokenRules({ ...NONE, ...options }).problems;
}

describe("lists of secrets", () => {
  it.each([
    [ONE, [ONE]],
    [`${ONE},${TWO}`, [ONE, TWO]],
    [` ${ONE} , ${TWO} ,`, [ONE, TWO]],
    ["", []],
    ["correct horse battery staple, all four of them", undefined],
    [
      "a pass phrase of several words that is long enough",
      ["a pass phrase of several words that is long enough"],
    ],
  ])("[D4] the secrets in the list %j are %j", (list, secrets) => {
    const read = readSecrets("TOKEN_SECRETS", list);

    expect(read.problems.length === 0 ? read.secrets : undefined).toEqual(secrets);
  });

  it.each([
    [",", "TOKEN_SECRETS contains no secret"],
    ["brief-secret", "TOKEN_SECRETS: item 1 of 1 is 12 characters, the minimum is 32"],
    [`${ONE},,${TWO}`, "TOKEN_SECRETS: item 2 of 3 is empty"],
    [`${ONE} ${TWO}`, "TOKEN_SECRETS: item 1 of 1 looks like several secrets; separate them with commas"],
    [`${ONE}\n${TWO}`, "looks like several"],
  ])(
    "[D4 W5 G12] a server with the secrets %j does not start, and the problem does not contain a secret",
    (list, why) => {
      const problems = problemsOf({ tokenSecrets: list });

      expect(problems).toEqual([expect.stringContaining(why)]);
      expect(problems.join()).not.toMatch(/brief|a-secret|another/);
    },
  );

  it.each([
    ["prl_too-short", "is 13 characters"],
    ["a-key-without-a-prefix-of-32-characters", "does not begin with prl_"],
    ["prl_a-key-that-holds a-blank-and-is-long", "contains a space"],
  ])(
    "[D11 W5 G12] a server with the ADMIN_KEYS %j does not start, and the problem does not contain a key",
    (list, why) => {
      const { problems } = readSecrets("ADMIN_KEYS", list, "prl_");

      expect(problems).toEqual([expect.stringContaining(why)]);
      expect(problems.join()).not.toContain(list.slice(5, 12));
    },
  );
});

describe("public keys", () => {
  it("[D4] a key set may contain keys for other uses beside one for signatures", () => {
    const set = { keys: [{ ...RSA, use: "enc" }, { kty: "AKP", pub: "x" }, RSA] };

    expect(problemsOf({ tokenKeys: JSON.stringify(set) })).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ["text that is not JSON", "{", "is not a JSON Web Key Set"],
    ["a PEM", "-----BEGIN PUBLIC KEY-----", "but a PEM; convert its key to a JWK"],
    ["a single key", RSA, 'but a single key; wrap it as {"keys":[…]}'],
    ["no keys", { keys: [] }, "contains no key for RS, PS, ES or EdDSA signatures"],
    [
      "only keys for other uses",
      { keys: [{ ...RSA, use: "enc" }] },
      "contains no key for RS, PS, ES or EdDSA signatures",
    ],
    ["a curve that no supported algorithm uses", { keys: [{ kty: "EC", crv: "secp256k1", x: "A", y: "A" }] }, "contains no key for RS, PS, ES or EdDSA signatures"], // prettier-ignore
    ["a null instead of a key", { keys: [RSA, null] }, "key 2 of 2 is not an object"],
    ["a private key", { keys: [{ ...RSA, d: "AQAB" }] }, "key 1 of 1 is secret or private"],
    ["a secret", { keys: [{ kty: "oct", k: "AQAB" }] }, "key 1 of 1 is secret or private"],
    ["half a key", { keys: [{ kty: "EC", crv: "P-256", x: "A" }] }, "key 1 of 1 has no y"],
  ])("[D4 W5] a server whose TOKEN_KEYS contain %s does not start", (_what, keys, why) => {
    const tokenKeys = typeof keys === "string" ? keys : JSON.stringify(keys);

    expect(problemsOf({ tokenKeys })).toEqual([expect.stringContaining(why)]);
  });
});

describe("the address of a key set", () => {
  it.each([
    "https://id.example.com/.well-known/jwks.json",
    "https://id.example.com:8443/keys?tenant=1",
    "https://id.example.com/@scope/keys",
    "http://localhost:9000/keys",
    "http://127.0.0.1/keys",
    "http://[::1]:9000/keys",
  ])("[D4] TOKEN_JWKS_URL may be %s", (tokenJwksUrl) => {
    expect(problemsOf({ tokenJwksUrl })).toEqual([]);
  });

  it.each([
    ["id.example.com/keys", '"id.example.com/keys", must be one https URL'],
    ["https://", "must be one https URL"],
    ["https:id.example.com", "must be one https URL"],
    ["ftp://id.example.com/keys", "must be one https URL"],
    ["https://a.example/keys https://b.example/keys", "must be one https URL"],
    ["http://id.example.com/keys", "is an http URL of id.example.com, must be an https URL"],
    ["http://localhost.evil.example/keys", "is an http URL"],
    ["https://user:secret@id.example.com/keys", "contains a user or a password"],
    ["user:secret@id.example.com", "must be one https URL"],
  ])("[D4 W5] a server with the TOKEN_JWKS_URL %j does not start", (tokenJwksUrl, why) => {
    const problems = problemsOf({ tokenJwksUrl });

    expect(problems).toEqual([expect.stringContaining(why)]);
    expect(problems.join()).not.toContain("secret");
  });
});

describe("issuer and audience", () => {
  it.each([
    ["TOKEN_ISSUER", "tokenIssuer", "https://a.example, https://b.example"],
    ["TOKEN_ISSUER", "tokenIssuer", "https://a.example https://b.example"],
    ["TOKEN_AUDIENCE", "tokenAudience", "web,mobile"],
  ] as const)("[D4 W5] a server with a list as %s does not start", (variable, option, list) => {
    expect(problemsOf({ [option]: list })).toEqual([
      `${variable} is ${JSON.stringify(list)}, must be one value without commas or spaces`,
    ]);
  });

  it("[D4 W5] all problems of the token options are named at once", () => {
    const wrong = {
      tokenSecrets: "x",
      tokenKeys: "{",
      tokenJwksUrl: "x",
      tokenIssuer: "a b",
      tokenAudience: "a b",
    };

    expect(problemsOf(wrong)).toHaveLength(5);
  });
});
