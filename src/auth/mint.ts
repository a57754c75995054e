import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { CAPABILITIES, isGrant } from "../protocol/capabilities.ts";
import { lostMessage, lostNumber } from "../protocol/numbers.ts";
import { readClaims } from "./claims.ts";

/** The file from which `wrangler dev` reads secrets. Git ignores it. */
const DEV_VARS = ".dev.vars";

const HELP = `Mints a token for development and signs it with the first of TOKEN_SECRETS in ${DEV_VARS}. Generates a secret if there is none.

  npm run token -- [options]

  --user <name>        the user (sub)                                    [ana]
  --rooms <pattern=capability,…>  grants capabilities; may be repeated   [*=join,publish,presence,history,state,members]
  --info <json>        data about the user that other members can trust
  --expires <time>     lifetime such as 15m, 12h, 30d                    [12h]
  --id <jti>           names the token, so that it can be revoked
  --issuer, --audience iss and aud, if the server checks them
  --help               prints this text

Capabilities: ${Object.entries(CAPABILITIES)
  .map(([name, text]) => `\n  ${name.padEnd(10)} ${text}`)
  .join("")}

Try it: npm run dev, then
  curl -N "http://localhost:8787/rooms/lobby/events" -H "Authorization: Bearer $(npm run -s token)"
`;

const DEFAULT_ROOMS = ["*=join,publish,presence,history,state,members"];

const OPTIONS = {
  user: { type: "string", default: "ana" },
  rooms: { type: "string", multiple: true, default: DEFAULT_ROOMS },
  info: { type: "string" },
  expires: { type: "string", default: "12h" },
  id: { type: "string" },
  issuer: { type: "string" },
  audience: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/** The first of the secrets, with any quotes that `wrangler dev` reads, or without. */
const SECRET =
  /^[ \t]*(?:export[ \t]+)?TOKEN_SECRETS[ \t]*=[ \t]*(?:(["'`])([^,\n]+?)[ \t]*(?:,|\1)|([^"'`,#\s][^,#\n]*))/m;

/** A wrong argument. Its message is a sentence for the user of the tool. */
class Mistake extends Error {}

try {
  const asked = readArguments();
  console.log(asked.help ? HELP : await mint(asked));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(error instanceof Mistake ? `${error.message}; see --help` : error.message);
  process.exitCode = 1;
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    // The first sentence says what is wrong. The others do not help here.
    throw new Mistake(String((error as Error).message).split(/\.\s/)[0]);
  }
}

async function mint(asked: ReturnType<typeof readArguments>): Promise<string> {
  const { user, info, expires, id, issuer, audience } = asked;
  const rooms: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const text of asked.rooms) {
    const [pattern, grants] = readPattern(text);
    rooms[pattern] = [...(rooms[pattern] ?? []), ...grants];
  }
  const payload = { rooms: { ...rooms }, ...(info !== undefined && { info: readInfo(info) }) };
  const claims = readClaims({ ...payload, sub: user, jti: id });
  if (!claims.ok) throw new Mistake(claims.error.message);
  const token = new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).setSubject(user).setIssuedAt();
  try {
    token.setExpirationTime(expires);
  } catch {
    throw new Mistake(`--expires ${JSON.stringify(expires)} is not a lifetime such as 15m, 12h, 30d`);
  }
  if (id !== undefined) token.setJti(id);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(devSecret()));
}

function readPattern(text: string): [string, string[]] {
  const [pattern = "", list, ...rest] = text.split("=");
  if (pattern === "" || list === undefined || rest.length > 0) {
    throw new Mistake(
      `--rooms ${JSON.stringify(text)} must be a pattern and capabilities, such as "doc:*=join,publish"`,
    );
  }
  const grants = list.split(",").map((grant) => grant.trim());
  const unknown = grants.find((grant) => !isGrant(grant));
  if (unknown !== undefined)
    throw new Mistake(`--rooms names ${JSON.stringify(unknown)}, which is not a capability`);
  return [pattern, grants];
}

function readInfo(text: string): unknown {
  try {
    const info = JSON.parse(text) as unknown;
    const lost = lostNumber(text);
    if (lost === undefined) return info;
    throw new Mistake(`--info: ${lostMessage(lost)}`);
  } catch (error) {
    if (error instanceof Mistake) throw error;
    throw new Mistake(
      `--info ${JSON.stringify(text)} is not valid JSON; write a text with its own quotes, such as '"host"'`,
    );
  }
}

function devSecret(): string {
  const lines = existsSync(DEV_VARS) ? readFileSync(DEV_VARS, "utf8") : "";
  const [, , quoted, bare] = SECRET.exec(lines) ?? [];
  const found = (quoted ?? bare)?.trim();
  if (found !== undefined) return found;
  const secret = randomBytes(32).toString("base64url");
  appendFileSync(DEV_VARS, `${lines === "" || lines.endsWith("\n") ? "" : "\n"}TOKEN_SECRETS="${secret}"\n`);
  console.error(`Added a new TOKEN_SECRETS to ${DEV_VARS}. Restart \`npm run dev\` to use it.`);
  return secret;
}
