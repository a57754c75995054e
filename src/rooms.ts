import { defineKind, type Kinds } from "./config/kinds.ts";

/**
 * The kinds of rooms this server has. Add one here; nothing else needs to change, no migration either.
 *
 * An option that a kind leaves out has the value of its variable, or its default (README, Options).
 */
export const kinds = {
  default: defineKind({ text: "Anything: a bit of chat, a bit of movement." }),
  chat: defineKind({
    text: "People typing: fewer messages each, a long history, and patience with those on the move.",
    graceMs: 30_000,
    messagesPerSecond: 10,
    messagesBurst: 40,
    historyMaxMessages: 50_000,
  }),
  game: defineKind({
    text: "Players moving: many small messages, a short history.",
    messagesPerSecond: 120,
    messagesBurst: 240,
    maxFrameBytes: 16_384,
    maxMembers: 100,
    historyMaxMessages: 1_000,
  }),
} satisfies Kinds;
