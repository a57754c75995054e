import { exportJWK, exportSPKI, generateKeyPair } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { base64url, forge, nowS, signer, usualClaims, type Signer } from "../../support/signing.ts";
import { serveKindsWith } from "../support/kinds.ts";
import { refusalsOf, wasTouched } from "../support/refusals.ts";
import { uniqueRoom, type Serve } from "../support/rooms.ts";
import { joinSse, post } from "../support/sse.ts";
import { SECRETS, bearer, token } from "../support/tokens.ts";
import { join } from "../support/websocket.ts";

let ours: Signer;
let theirs: Signer;
let publicPem: string;
let rsaJwk: Readonly<Record<string, unknown>>;
let to: Serve;

const US = { iss: "https://issuer.example", aud: "parlor" };

beforeAll(async () => {
  ours = await signer("ES256", "k1");
  theirs = await signer("ES256", "k1");
  const { publicKey } = await generateKeyPair("RS256", { extractable: true });
  rsaJwk = { ...(await exportJWK(publicKey)), kid: "rsa" };
  publicPem = await exportSPKI(publicKey);
  to = serveKindsWith({
    TOKEN_KEYS: JSON.stringify({ keys: [ours.jwk, rsaJwk] }),
    TOKEN_ISSUER: US.iss,
    TOKEN_AUDIENCE: US.aud,
  });
});

/** An unsigned token, whose header declares that. */
function unsigned(alg: string): string {
  return `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify(usualClaims(US)))}.`;
}

/** An HS256 token that is signed with a public key. */
function confused(secret: string): Promise<string> {
  return forge('{"alg":"HS256","kid":"rsa"}', JSON.stringify(usualClaims(US)), secret);
}

describe("invalid tokens", () => {
  const ATTACKS: readonly [
    what: string,
    mint: () => Promise<string> | string,
    code: string,
    close: number,
  ][] = [
    ["forged with another key of the same name", () => theirs.sign(US), "token_invalid", 4007],
    [
      "forged with an unknown secret",
      () => token({ secret: "x".repeat(40), claims: US }),
      "token_invalid",
      4007,
    ],
    ["with the id of an unknown key", () => ours.sign(US, { kid: "k2" }), "token_invalid", 4007],
    ["expired", () => ours.sign({ ...US, exp: nowS() - 60 }), "token_expired", 4001],
    ["not valid yet", () => ours.sign({ ...US, nbf: nowS() + 60 }), "token_invalid", 4007],
    ["without an expiry", () => ours.sign({ ...US, exp: undefined }), "token_invalid", 4503],
    ["for another audience", () => ours.sign({ ...US, aud: "other" }), "token_invalid", 4503],
    ["for no audience", () => ours.sign({ iss: US.iss }), "token_invalid", 4503],
    ["of another issuer", () => ours.sign({ ...US, iss: "https://eve.example" }), "token_invalid", 4503],
    ["unsigned", () => unsigned("none"), "token_invalid", 4503],
    ["unsigned, in another spelling", () => unsigned("nOnE"), "token_invalid", 4503],
    ["signed with the public key as a secret (PEM)", () => confused(publicPem), "token_invalid", 4007],
    [
      "signed with the public key as a secret (JWK)",
      () => confused(JSON.stringify(rsaJwk)),
      "token_invalid",
      4007,
    ],
    ["that contains its own key", () => theirs.sign(US, { jwk: theirs.jwk }), "token_invalid", 4007],
    [
      "that points to its own keys",
      () => theirs.sign(US, { jku: "https://eve.example" }),
      "token_invalid",
      4007,
    ],
    ["for another room", () => ours.sign({ ...US, rooms: { "closed:x": ["join"] } }), "forbidden", 4503],
    ["for rooms with another prefix", () => ours.sign({ ...US, rooms: { "Closed:*": ["join"] } }), "forbidden", 4503], // prettier-ignore
    ["of 100,000 characters", () => "a.b.".padEnd(100_000, "c"), "token_invalid", 4503],
  ];

  it.each(ATTACKS)(
    "[D4 D5 G12] every transport rejects a token before the room is called: %s",
    async (_what, mint, code, close) => {
      const room = uniqueRoom("closed");
      const status = code === "forbidden" ? 403 : 401;

      expect(await refusalsOf(room, to, bearer(await mint()))).toEqual({
        websocket: [code, close],
        sse: [code, close < 4500 ? 1006 : close],
        post: [code, status],
      });
      expect(await wasTouched(room)).toBe(false);
    },
  );

  it("[D1 D5 G12] a request without a token, or with a token in the wrong place, is rejected with token_missing", async () => {
    const room = uniqueRoom("closed");
    const good = await ours.sign(US);

    for (const headers of [
      {},
      { Cookie: `token=${good}` },
      { "X-Token": good },
      { Authorization: good },
      { Authorization: `Basic ${good}` },
      { Authorization: `Bearer Bearer ${good}` },
    ] as Record<string, string>[]) {
      expect(await refusalsOf(room, to, headers)).toMatchObject({ websocket: ["token_missing", 4503] });
    }
    expect(await wasTouched(room)).toBe(false);
  });

  it("[D4] every transport accepts a valid token", async () => {
    const room = uniqueRoom("closed");
    const headers = bearer(await ours.sign(US));

    const [ana, bob] = [await join(room, { to, headers }), await joinSse(room, { to, headers })];
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(await post(room, bob, { type: "publish", event: "e" }, headers, to)).toMatchObject({
      status: 200,
    });
  });
});

describe("renewals with invalid tokens", () => {
  it.each<[string, () => Promise<string> | string, string]>([
    ["forged", () => token({ secret: "x".repeat(40) }), "token_invalid"],
    ["expired", () => token({ exp: nowS() - 60 }), "token_expired"],
    ["unsigned", () => unsigned("none"), "token_invalid"],
    ["of another user", () => token({ user: "eve", rooms: { "*": ["join", "moderate"] } }), "forbidden"],
    ["for another room", () => token({ rooms: { "closed:x": ["join", "moderate"] } }), "forbidden"],
    ["that does not grant join", () => token({ rooms: { "*": ["publish", "moderate"] } }), "forbidden"],
    ["of 60,000 characters", () => "x".repeat(60_000), "token_invalid"],
  ])("[D5 D8 G12] a token does not renew a connection, in band or by POST: %s", async (_what, mint, code) => {
    const kinds = serveKindsWith({ TOKEN_SECRETS: SECRETS.join(",") });
    const room = uniqueRoom("closed");
    const headers = bearer(await token({ rooms: { "*": ["join"] } }));
    const ana = await join(room, { to: kinds, headers });

    expect(await ana.act({ type: "auth", token: await mint() })).toMatchObject({ code });
    const posted = await post(room, ana, { type: "auth", token: await mint() }, headers, kinds);
    expect(posted.body).toMatchObject({ code });

    expect(await ana.publish("e", 1)).toMatchObject({ code: "forbidden" });
  });

  it("[D3 D8 G12] the token of a user does not renew an anonymous connection", async () => {
    const kinds = serveKindsWith({ TOKEN_SECRETS: SECRETS.join(",") });
    const watcher = await join(uniqueRoom("read-only"), { to: kinds });

    expect(await watcher.act({ type: "auth", token: await token() })).toMatchObject({ code: "forbidden" });
    expect(await watcher.publish("e", 1)).toMatchObject({ code: "forbidden" });
  });
});
