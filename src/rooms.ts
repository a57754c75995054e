import { defineKind, type Kinds } from "./config/kinds.ts";

/**
 * The kinds of rooms of this server. To add a kind, add an entry here. No other change and no migration is needed.
 *
 * Everyone who knows a room's name can join these kinds, so that the demo works. Remove `anonymous` to require a token.
 * An option that a kind does not set has the value of its variable, or its default (docs/options.md).
 */
export const kinds = {
  default: defineKind({ text: "General purpose: some chat, some movement.", anonymous: true }),
  chat: defineKind({
    text: "Chat: fewer messages per member, a long history, and a long grace period for mobile clients.",
    anonymous: true,
    graceMs: 30_000,
    messagesPerSecond: 10,
    messagesBurst: 40,
    historyMaxMessages: 50_000,
  }),
  cursors: defineKind({
    text: "Pointers and selections over a document that is stored elsewhere: the room stores nothing.",
    anonymous: true,
    history: "none",
    graceMs: 0,
    messagesPerSecond: 60,
    messagesBurst: 120,
    volatilePerSecond: 30,
    keptVolatileChars: 65_536,
    maxFrameBytes: 4_096,
  }),
  game: defineKind({
    text: "Games: many small messages and a short history.",
    anonymous: true,
    messagesPerSecond: 120,
    messagesBurst: 240,
    maxFrameBytes: 16_384,
    maxMembers: 100,
    maxMembersPerSource: 50,
    historyMaxMessages: 1_000,
  }),
} satisfies Kinds;
