import { KIND_OPTIONS } from "../../../src/config/kind-options.ts";
import type { KindDefinition, Kinds } from "../../../src/config/kinds.ts";
import type { Grant } from "../../../src/protocol/capabilities.ts";
import { HOLDERS } from "../permissions/table.ts";
import { UNSPENT } from "./budgets.ts";
import { TEST_HOOKS } from "./test-hooks.ts";

/** Few refusals, for what comes of them. */
const STRICT = { maxRefusals: 10, muteMs: 10_000, banMs: 60_000 } as const;

/**
 * Kinds that only tests have, for what wrangler.toml's cannot show. Their rooms are another class of objects, `KindsRoom`
 * behind the binding `KINDS_ROOM`: an object is configured once, by the Worker that exports its class, so a test cannot
 * bring kinds of its own. How to join them is in kinds.ts. As for other tests GRACE_MS is 0 unless a kind says else.
 */
export const TEST_KINDS = {
  default: { anonymous: true, text: "As wrangler.toml's." },
  ruled: { anonymous: true, text: "With the hooks that a test sets (test-hooks.ts).", hooks: TEST_HOOKS },
  "ruled-grace": {
    anonymous: true,
    text: "As ruled; a lost member is remembered.",
    hooks: TEST_HOOKS,
    graceMs: 30_000,
  },
  "ruled-none": { anonymous: true, text: "As ruled; nothing is stored.", hooks: TEST_HOOKS, history: "none" },
  "ruled-small": {
    anonymous: true,
    text: "As ruled; its state holds little, and its frames are small.",
    hooks: TEST_HOOKS,
    ...{ maxStateKeys: 4, maxStateBytes: 1_024, maxFrameBytes: 4_096, maxMembers: 3 },
  },
  closed: { text: "A token is needed." },
  cosy: { text: "A token is needed; room for one.", maxMembers: 1 },
  "closed-memory": { text: "A token is needed; nothing is stored.", history: "memory" },
  "closed-none": {
    text: "A token is needed; nothing is stored, and presence data may be as large as any.",
    ...{ history: "none", maxPresenceBytes: KIND_OPTIONS.maxPresenceBytes.max },
  },
  "read-only": { text: "Who has no token may only look.", anonymous: ["join", "history"] },
  memory: {
    anonymous: true,
    text: "Messages are kept while the room is awake; nothing is stored.",
    history: "memory",
  },
  "memory-grace": {
    anonymous: true,
    text: "As memory; a lost member is remembered.",
    history: "memory",
    graceMs: 30_000,
  },
  "memory-short": {
    anonymous: true,
    text: "As memory, with few messages.",
    history: "memory",
    historyMaxMessages: 10,
  },
  none: { anonymous: true, text: "Messages are not kept; nothing is stored.", history: "none" },
  "none-grace": {
    anonymous: true,
    text: "As none; a lost member is remembered.",
    history: "none",
    graceMs: 30_000,
  },
  small: {
    anonymous: true,
    text: "Stored, with every bound near its least and budgets that no test spends.",
    maxFrameBytes: 16_384,
    maxMembers: 12,
    maxPresenceBytes: 64,
    presenceListMax: 5,
    maxStateKeys: 4,
    maxStateBytes: 1_024,
    historyMaxMessages: 10,
    windowChars: 65_536,
    allowanceChars: 65_536,
    slowTimeoutMs: 15_000,
    messagesPerSecond: 1_000,
    messagesBurst: 10_000,
    bytesPerSecond: 16_777_216,
    bytesBurst: 67_108_864,
  },
  roomy: { anonymous: true, text: "Open, with budgets that no test spends.", ...UNSPENT },
  "closed-roomy": { text: "A token is needed, and no budget is spent.", ...UNSPENT },
  ...anonymousKinds(),
  strict: { ...STRICT, anonymous: true, text: "Few refusals." },
  "strict-small-state": { ...STRICT, anonymous: true, text: "As strict; one key of state.", maxStateKeys: 1 },
  "strict-ruled": {
    ...STRICT,
    anonymous: true,
    text: "As strict, with the hooks that a test sets.",
    hooks: TEST_HOOKS,
  },
  "strict-closed": { ...STRICT, text: "As strict; a token is needed." },
  "strict-memory": { ...STRICT, anonymous: true, text: "As strict; nothing is stored.", history: "memory" },
  "strict-none": { ...STRICT, anonymous: true, text: "As strict; nothing is kept.", history: "none" },
  "strict-grace": { ...STRICT, text: "As strict-closed; a lost member is remembered.", graceMs: 30_000 },
  scarce: {
    ...STRICT,
    anonymous: true,
    text: "Little for all together, and much for each.",
    userMessagesPerSecond: 2,
    userMessagesBurst: 10,
    roomMessagesPerSecond: 5,
    roomMessagesBurst: 20,
  },
  "scarce-bytes": {
    ...STRICT,
    anonymous: true,
    text: "Few bytes for all together.",
    maxFrameBytes: 16_384,
    roomBytesPerSecond: 2_048,
    roomBytesBurst: 16_384,
  },
  "scarce-reads": {
    ...STRICT,
    anonymous: true,
    text: "Little may be read.",
    readCharsPerSecond: 65_536,
    readCharsBurst: 65_536,
    roomReadCharsPerSecond: 131_072,
    roomReadCharsBurst: 131_072,
  },
  slow: {
    anonymous: true,
    text: "Less for each than comes back for all in the same time.",
    messagesPerSecond: 1,
    messagesBurst: 2,
    roomMessagesPerSecond: 10,
    roomMessagesBurst: 10,
  },
  shared: { anonymous: true, text: "Few places for one source.", maxMembers: 6, maxMembersPerSource: 2 },
  "shared-grace": {
    anonymous: true,
    text: "As shared; a lost member is remembered.",
    ...{ maxMembers: 6, maxMembersPerSource: 2, graceMs: 30_000 },
  },
  "shared-none": {
    anonymous: true,
    text: "As shared; nothing is stored, and members have no rows.",
    ...{ maxMembers: 6, maxMembersPerSource: 2, history: "none" },
  },
  tight: {
    ...UNSPENT,
    anonymous: true,
    text: "Little may be unread in the room, and few closes unanswered.",
    maxUnreadBytes: 1_048_576,
    maxBufferedBytes: 1_048_576,
    maxClosing: 12,
    maxFrameBytes: 262_144,
  },
  "few-joins": { anonymous: true, text: "Few may come at once.", joinsPerSecond: 2, joinsBurst: 4 },
} as const satisfies Kinds;

/** A kind for each of those who may do something without a token (permissions/table.ts): `may-0`, `may-1` and so on. */
function anonymousKinds(): Readonly<Record<`may-${number}`, KindDefinition>> {
  return Object.fromEntries(
    HOLDERS.map((held, index) => [
      `may-${index}`,
      { anonymous: held as readonly Grant[], text: "For who has no token.", ...UNSPENT },
    ]),
  );
}
