import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { CAPABILITIES, isGrant } from "../protocol/capabilities.ts";

/** Where `wrangler dev` finds secrets; git ignores it. */
const DEV_VARS = ".dev.vars";

const HELP = `Mints a token for development, signed with the first of TOKEN_SECRETS in ${DEV_VARS}, which is made if it is missing.

  npm run token -- [options]

  --user <name>        the user (sub)                                    [ana]
  --rooms <pattern=capability,…>  what it allows; may be repeated        [*=join,publish,presence,history,state,members]
  --info <json>        presence data that others can trust
  --expires <time>     such as 15m, 12h, 30d                             [12h]
  --id <jti>           names the token, so that it can be revoked
  --issuer, --audience what the server asks for, if it asks
  --help

Capabilities: ${Object.entries(CAPABILITIES)
  .map(([name, text]) => `\n  ${name.padEnd(10)} ${text}`)
  .join("")}

Try it: npm run dev, then
  curl -N "http://localhost:8787/rooms/lobby/events" -H "Authorization: Bearer $(npm run -s token)"
`;

const { values } = parseArgs({
  options: {
    user: { type: "string", default: "ana" },
    rooms: { type: "string", multiple: true, default: ["*=join,publish,presence,history,state,members"] },
    info: { type: "string" },
    expires: { type: "string", default: "12h" },
    id: { type: "string" },
    issuer: { type: "string" },
    audience: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else console.log(await mint());

async function mint(): Promise<string> {
  const token = new SignJWT({
    rooms: Object.fromEntries(values.rooms.map(readPattern)),
    ...(values.info !== undefined && { info: JSON.parse(values.info) as unknown }),
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(values.user)
    .setIssuedAt()
    .setExpirationTime(values.expires);
  if (values.id !== undefined) token.setJti(values.id);
  if (values.issuer !== undefined) token.setIssuer(values.issuer);
  if (values.audience !== undefined) token.setAudience(values.audience);
  return token.sign(new TextEncoder().encode(devSecret()));
}

function readPattern(text: string): [string, string[]] {
  const [pattern = "", list = ""] = text.split("=");
  const grants = list.split(",");
  const unknown = grants.find((grant) => !isGrant(grant));
  if (unknown !== undefined) throw new Error(`"${unknown}" is no capability; see --help`);
  return [pattern, grants];
}

function devSecret(): string {
  const lines = existsSync(DEV_VARS) ? readFileSync(DEV_VARS, "utf8") : "";
  const found = /^TOKEN_SECRETS *= *"?([^",\n]+)/m.exec(lines)?.[1];
  if (found !== undefined) return found;
  const secret = randomBytes(32).toString("base64url");
  appendFileSync(DEV_VARS, `${lines === "" || lines.endsWith("\n") ? "" : "\n"}TOKEN_SECRETS="${secret}"\n`);
  console.error(`${DEV_VARS} has a new TOKEN_SECRETS; \`npm run dev\` reads it when it starts.`);
  return secret;
}
