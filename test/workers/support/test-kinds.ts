import { KIND_OPTIONS } from "../../../src/config/kind-options.ts";
import type { KindDefinition, Kinds } from "../../../src/config/kinds.ts";
import type { Grant } from "../../../src/protocol/capabilities.ts";
import { HOLDERS } from "../permissions/table.ts";
import { UNSPENT } from "../../support/budgets.ts";
import { TEST_HOOKS, createTestHooks } from "./test-hooks.ts";
import { TEST_SCHEMAS } from "./test-schemas.ts";

/** A low limit of rejections, for tests of their consequences. */
const STRICT = { maxRefusals: 10, muteMs: 10_000, banMs: 60_000 } as const;

/**
 * Kinds only for tests, where those of wrangler.toml are not enough. Their rooms are another class of objects,
 * `KindsRoom` behind the binding `KINDS_ROOM`. An object is configured once, by the Worker that exports its class, so a
 * test cannot define kinds of its own. kinds.ts explains how to join them. GRACE_MS is 0 as in other tests, unless a
 * kind sets it.
 */
export const TEST_KINDS = {
  default: { anonymous: true, text: "Like the default kind of wrangler.toml." },
  ruled: { anonymous: true, text: "With the hooks that a test sets (test-hooks.ts).", hooks: TEST_HOOKS },
  "ruled-grace": {
    anonymous: true,
    text: "Like ruled, with a grace.",
    hooks: TEST_HOOKS,
    graceMs: 30_000,
  },
  "ruled-none": {
    anonymous: true,
    text: "Like ruled. Nothing is stored.",
    hooks: TEST_HOOKS,
    history: "none",
  },
  "ruled-small": {
    anonymous: true,
    text: "Like ruled, with low limits of state and frames.",
    hooks: TEST_HOOKS,
    ...{ maxStateKeys: 4, maxStateBytes: 1_024, maxFrameBytes: 4_096, maxMembers: 3 },
  },
  checked: {
    anonymous: true,
    text: "With schemas, and with the hooks that a test sets.",
    schemas: TEST_SCHEMAS,
    hooks: TEST_HOOKS,
  },
  "checked-grace": {
    anonymous: true,
    text: "Like checked, with a grace.",
    schemas: TEST_SCHEMAS,
    graceMs: 30_000,
  },
  created: {
    anonymous: true,
    text: "With the hooks that a test creates (test-hooks.ts).",
    create: createTestHooks,
  },
  closed: { text: "A token is required." },
  cosy: { text: "A token is required. One member at most.", maxMembers: 1 },
  "closed-memory": { text: "A token is required. Nothing is stored.", history: "memory" },
  "closed-none": {
    text: "A token is required. Nothing is stored, and presence data has the highest limit.",
    ...{ history: "none", maxPresenceBytes: KIND_OPTIONS.maxPresenceBytes.max },
  },
  "read-only": { text: "Clients without a token may only read.", anonymous: ["join", "history"] },
  memory: {
    anonymous: true,
    text: "Messages are kept while the room is awake. Nothing is stored.",
    history: "memory",
  },
  "memory-grace": {
    anonymous: true,
    text: "Like memory, with a grace.",
    history: "memory",
    graceMs: 30_000,
  },
  "memory-short": {
    anonymous: true,
    text: "Like memory, with few messages.",
    history: "memory",
    historyMaxMessages: 10,
  },
  none: { anonymous: true, text: "Messages are not kept. Nothing is stored.", history: "none" },
  "none-grace": {
    anonymous: true,
    text: "Like none, with a grace.",
    history: "none",
    graceMs: 30_000,
  },
  keeps: {
    anonymous: true,
    text: "Keeps few volatile messages. With a grace, and the hooks that a test sets.",
    hooks: TEST_HOOKS,
    ...{ keptVolatileChars: 4_096, graceMs: 30_000 },
  },
  "closed-keeps": { text: "A token is required. Keeps volatile messages.", keptVolatileChars: 65_536 },
  small: {
    anonymous: true,
    text: "Stored, with every limit near its minimum and budgets that no test spends.",
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
  "closed-roomy": { text: "A token is required. No test spends the budgets.", ...UNSPENT },
  ...anonymousKinds(),
  strict: { ...STRICT, anonymous: true, text: "A low limit of rejections." },
  "strict-small-state": {
    ...STRICT,
    anonymous: true,
    text: "Like strict, with one key of state.",
    maxStateKeys: 1,
  },
  "strict-ruled": {
    ...STRICT,
    anonymous: true,
    text: "Like strict, with the hooks that a test sets.",
    hooks: TEST_HOOKS,
  },
  "strict-checked": { ...STRICT, anonymous: true, text: "Like strict, with schemas.", schemas: TEST_SCHEMAS },
  "strict-closed": { ...STRICT, text: "Like strict. A token is required." },
  "strict-memory": { ...STRICT, anonymous: true, text: "Like strict. Nothing is stored.", history: "memory" },
  "strict-none": { ...STRICT, anonymous: true, text: "Like strict. Messages are not kept.", history: "none" },
  "strict-grace": { ...STRICT, text: "Like strict-closed, with a grace.", graceMs: 30_000 },
  scarce: {
    ...STRICT,
    anonymous: true,
    text: "A low shared budget and high budgets for each session.",
    userMessagesPerSecond: 2,
    userMessagesBurst: 10,
    roomMessagesPerSecond: 5,
    roomMessagesBurst: 20,
  },
  "scarce-bytes": {
    ...STRICT,
    anonymous: true,
    text: "A low shared byte budget.",
    maxFrameBytes: 16_384,
    roomBytesPerSecond: 2_048,
    roomBytesBurst: 16_384,
  },
  "scarce-reads": {
    ...STRICT,
    anonymous: true,
    text: "Low read budgets.",
    readCharsPerSecond: 65_536,
    readCharsBurst: 65_536,
    roomReadCharsPerSecond: 131_072,
    roomReadCharsBurst: 131_072,
  },
  slow: {
    anonymous: true,
    text: "Each session's budget refills more slowly than the shared one.",
    messagesPerSecond: 1,
    messagesBurst: 2,
    roomMessagesPerSecond: 10,
    roomMessagesBurst: 10,
  },
  shared: { anonymous: true, text: "Few places for each source.", maxMembers: 6, maxMembersPerSource: 2 },
  "shared-grace": {
    anonymous: true,
    text: "Like shared, with a grace.",
    ...{ maxMembers: 6, maxMembersPerSource: 2, graceMs: 30_000 },
  },
  "shared-none": {
    anonymous: true,
    text: "Like shared. Nothing is stored, and members have no rows.",
    ...{ maxMembers: 6, maxMembersPerSource: 2, history: "none" },
  },
  tight: {
    ...UNSPENT,
    anonymous: true,
    text: "Low limits of unread data and unanswered closes in the room.",
    maxUnreadBytes: 1_048_576,
    maxBufferedBytes: 1_048_576,
    maxClosing: 12,
    maxFrameBytes: 262_144,
  },
  "few-joins": { anonymous: true, text: "A low join budget.", joinsPerSecond: 2, joinsBurst: 4 },
} as const satisfies Kinds;

/**
 * One kind for each row of permissions/table.ts about what clients may do without a token: `may-0`, `may-1` and so on.
 */
function anonymousKinds(): Readonly<Record<`may-${number}`, KindDefinition>> {
  return Object.fromEntries(
    HOLDERS.map((held, index) => [
      `may-${index}`,
      { anonymous: held as readonly Grant[], text: "For clients without a token.", ...UNSPENT },
    ]),
  );
}
