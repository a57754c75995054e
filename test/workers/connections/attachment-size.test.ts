import { describe, expect, it } from "vitest";
import { accessTo, readClaims } from "../../../src/auth/claims.ts";
import { KIND_OPTIONS } from "../../../src/config/kind-options.ts";
import { MAX_GRANTS_CHARS, grantsLength, type Grant } from "../../../src/protocol/capabilities.ts";
import type { Access } from "../../../src/protocol/contract.ts";
import { utf8Length } from "../../../src/protocol/json.ts";
import {
  attach,
  type AttachedSendWindow,
  type SessionRecord,
} from "../../../src/room/connections/attachment.ts";
import type { SendWindowRecord } from "../../../src/room/connections/send-window.ts";
import { kindsRoom, serveKindsWith } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";
import { joinSse, openEvents, post } from "../support/sse.ts";
import { SECRETS, bearer, token } from "../support/tokens.ts";
import { join, joinWebSocket } from "../support/websocket.ts";

/** The platform's limit for a serialized attachment, in bytes. */
const PLATFORM_BYTES = 16_384;

/** Two bytes in UTF-8. One of them makes V8 write each unit of its string as two bytes. */
const WIDE = "\u0416";

/** JSON text of this many bytes in UTF-8 that takes the most bytes in an attachment, which is nearly twice as many. */
function widest(bytes: number): string {
  return `"${WIDE}${"x".repeat(bytes - 4)}"`;
}

/** The capabilities that take the most bytes: the maximum number of the shortest ones, each with a wide character. */
function widestGrants(chars: number): Grant[] {
  const grants: Grant[] = ["join"];
  for (let n = 0; grantsLength(grants) < chars; n++) grants.push(`publish:${String.fromCharCode(0x400 + n)}`);
  const over = grantsLength(grants) - chars;
  if (over > 0) grants.pop();
  const missing = chars - grantsLength(grants);
  if (missing > 0) grants.push(`${grants.pop() as string}${"x".repeat(missing)}` as Grant);
  return grants;
}

const LONGEST_ID = "A".repeat(22);
const LONGEST_USER = WIDE.repeat(128);
const LAST_TIME = 8_640_000_000_000_000; // Longer than 31 bits, so it is written as a double, as all times are.

/** The largest access that a token may put into an attachment, as the Worker reads it. */
function widestAccess(): Access {
  const claims = readClaims({
    ...{ sub: LONGEST_USER, jti: LONGEST_USER, exp: 8_640_000_000_000, iat: 8_640_000_000_000 },
    info: JSON.parse(widest(1_024)) as unknown,
    rooms: { "*": widestGrants(MAX_GRANTS_CHARS) },
  });
  const access = claims.ok ? accessTo("room", claims.value) : claims;
  if (!access.ok) throw new Error(access.error.message);
  return access.value;
}

/** A session with every possible field, each at its largest. The type ensures that none is left out. */
function widestRecord(): Required<SessionRecord> {
  return {
    session: LONGEST_ID,
    member: LONGEST_ID,
    user: LONGEST_USER,
    dialect: "bridge",
    mode: "count",
    attempt: LAST_TIME,
    joinedAt: LAST_TIME,
    heardAt: LAST_TIME,
    viewOnly: false,
    polledFrom: LAST_TIME,
    access: widestAccess(),
    source: LONGEST_ID,
    place: LONGEST_ID,
    warnedOf: LAST_TIME,
    data: widest(KIND_OPTIONS.maxPresenceBytes.max),
  };
}

/** A send window with every possible field, each at its largest, and its attached form. */
function widestSendWindow(): {
  sendWindow: Required<SendWindowRecord>;
  attached: Required<AttachedSendWindow>;
} {
  const lengths = { sent: LAST_TIME, welcome: LAST_TIME, seen: LAST_TIME, said: LAST_TIME };
  const [offset, stalledAt, epoch] = [LAST_TIME, LAST_TIME, "E".repeat(32)];
  return {
    sendWindow: { ...lengths, state: { is: "behind", offset, epoch, stalledAt, hasMissedPresence: true } },
    attached: { ...lengths, behind: offset, epoch, stalledAt, missed: true },
  };
}

/** How many bytes of an attachment a value takes, as the platform counts. */
function sizeOf(value: object): number {
  const { 0: socket } = new WebSocketPair();
  const fits = (chars: number): boolean => {
    try {
      socket.serializeAttachment({ ...value, padding: "x".repeat(chars) });
      return true;
    } catch {
      return false;
    }
  };
  const room = (of: (chars: number) => boolean): number => {
    let [low, high] = [-1, PLATFORM_BYTES];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (of(middle)) low = middle;
      else high = middle;
    }
    return low;
  };
  // The size of the padding without its characters: its name, a tag and a length of two bytes.
  const PADDING_BYTES = 2 + "padding".length + 3;
  return PLATFORM_BYTES - PADDING_BYTES - room(fits);
}

describe("the attachment of a socket", () => {
  it("[D6 G6] the largest attachment of a socket is well below the platform's limit", () => {
    const record = widestRecord();
    const { access, data } = record;

    expect(utf8Length(access?.info ?? "")).toBe(1_024);
    expect(grantsLength(access?.grants ?? [])).toBe(MAX_GRANTS_CHARS);
    expect(utf8Length(data ?? "")).toBe(KIND_OPTIONS.maxPresenceBytes.max);
    const { sendWindow, attached } = widestSendWindow();
    const bytes = sizeOf({ v: 2, ...record, lane: attached });
    expect(bytes).toBeGreaterThan(13_000);
    expect(bytes).toBeLessThan(PLATFORM_BYTES - 1_024); // room for a few fields more
    const { 0: socket } = new WebSocketPair();
    expect(() => attach(socket, record, sendWindow)).not.toThrow();
    expect(socket.deserializeAttachment()).toMatchObject({ lane: attached });
  });

  it("[D6] the size of an attachment counts a string with one wide character twice, as V8 does", () => {
    const narrow = sizeOf({ data: "x".repeat(2_000) });
    const wide = sizeOf({ data: `${WIDE}${"x".repeat(1_999)}` });

    expect(wide - narrow).toBeGreaterThanOrEqual(2_000);
    expect(wide - narrow).toBeLessThanOrEqual(2_002);
  });
});

/** A Worker that accepts the tokens of tests. */
const to = serveKindsWith({ TOKEN_SECRETS: SECRETS.join(","), ADDRESS_LIMITS: "off" });

describe("a token with many capabilities", () => {
  it("[D6 D5 G12] a token whose capabilities exceed 1,024 characters is rejected at the edge, with their size", async () => {
    const room = uniqueRoom("closed-none");
    const rooms = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [
        `${"closed-none:".slice(0, n)}*`,
        ["join", "presence", ...[0, 1].map((event) => `publish:${n}.${event}${"x".repeat(50)}`)],
      ]),
    );
    const headers = bearer(await token({ rooms }));

    const refused = await joinWebSocket(room, { to, headers });
    const reader = await openEvents(room, { to, headers });

    const error = await refused.inbox.take("error");
    expect(error.code).toBe("token_invalid");
    expect(error.message).toMatch(
      /^the token's capabilities for one room have 1,?5\d\d characters, the limit is 1024; /,
    );
    expect(await refused.closed).toMatchObject({ code: 4503 });
    expect(await reader.inbox.take("error")).toMatchObject({ code: "token_invalid" });
  });

  it("[D6 D8 G12] a token whose capabilities exceed 1,024 characters does not renew a connection, and the room continues", async () => {
    const room = uniqueRoom("closed-none");
    const small = bearer(await token());
    const ana = await join(room, { to, headers: small });
    const rooms = {
      "*": widestGrants(1_000),
      "c*": widestGrants(1_000)
        .map((grant) => `${grant}y`)
        .slice(1),
    };
    const large = await token({ rooms });

    expect(await ana.act({ type: "auth", token: large })).toMatchObject({ code: "token_invalid" });
    const posted = await post(room, ana, { type: "publish", event: "e" }, bearer(large), to);
    expect(posted).toMatchObject({ status: 401, body: { code: "token_invalid" } });
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
  });

  it("[D6 G6] a token with 1,024 characters of capabilities, the longest user, info and presence data works after a hibernation", async () => {
    const room = uniqueRoom("closed-none");
    const grants = [...widestGrants(MAX_GRANTS_CHARS - ",presence,publish".length), "presence", "publish"];
    const headers = bearer(
      await token({
        user: "u".repeat(127) + WIDE,
        rooms: { "*": grants.slice(0, 50), "closed-none:*": grants.slice(50) },
        info: JSON.parse(widest(1_024)) as unknown,
        claims: { jti: "j".repeat(127) + WIDE },
      }),
    );
    const ana = await join(room, { to, headers });
    const bob = await joinSse(room, { to, headers });

    expect(await ana.setPresence(JSON.parse(widest(KIND_OPTIONS.maxPresenceBytes.max)))).toMatchObject({
      type: "ack",
    });
    await kindsRoom(room).evict();
    expect(await ana.publish("e", 1)).toMatchObject({ type: "ack" });
    expect(await bob.inbox.take("message")).toMatchObject({ from: ana.member });
  });
});
