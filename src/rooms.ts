import { defineKind, type Kinds } from "./config/kinds.ts";

/**
 * The kinds of rooms this server has. Add one here; nothing else needs to change, no migration either.
 *
 * These are open to whoever knows a room's name, so that the demo runs; take `anonymous` out for rooms that need a token.
 * An option that a kind leaves out has the value of its variable, or its default (README, Options).
 */
export const kinds = {
  default: defineKind({ text: "Anything: a bit of chat, a bit of movement.", anonymous: true }),
  chat: defineKind({
    text: "People typing: fewer messages each, a long history, and patience with those on the move.",
    anonymous: true,
    graceMs: 30_000,
    messagesPerSecond: 10,
    messagesBurst: 40,
    historyMaxMessages: 50_000,
  }),
  cursors: defineKind({
    text: "Pointers and selections over something that is stored elsewhere: nothing is, and an idle room leaves nothing behind.",
    anonymous: true,
    history: "none",
    graceMs: 0,
    messagesPerSecond: 60,
    messagesBurst: 120,
    volatilePerSecond: 30,
    maxFrameBytes: 4_096,
  }),
  game: defineKind({
    text: "Players moving: many small messages, a short history.",
    anonymous: true,
    messagesPerSecond: 120,
    messagesBurst: 240,
    maxFrameBytes: 16_384,
    maxMembers: 100,
    maxMembersPerSource: 50,
    historyMaxMessages: 1_000,
  }),
} satisfies Kinds;
