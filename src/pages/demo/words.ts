import type { HistoryMode } from "../../protocol/contract.ts";
import type { TransportChoice } from "./address.ts";
import type { Line, View } from "./view.ts";

/** How a state looks: in order, on its way, or in need of somebody. */
export type Tone = "good" | "wait" | "bad";

/** A line over the floor that goes away by itself, and what can be done meanwhile. */
export interface Banner {
  readonly tone: "good" | "wait";
  readonly text: string;
  readonly action?: "retry";
}

/** What takes the middle of the floor while there is nothing else to see. */
export interface Card {
  readonly title: string;
  readonly text: string;
  /** `invite` shows the link and ways to use it; the others are one button. */
  readonly action: "invite" | keyof typeof ACTION_WORDS;
}

/** The words on the buttons of banners and cards. */
export const ACTION_WORDS = {
  "use this window": "Use this window",
  "come back": "Come back in",
  retry: "Try now",
  "new room": "Start a new room",
} as const;

/** What an empty chat and a sent message say about storage, by the history of the room. */
export const KEEPING_WORDS = {
  durable: {
    chat: "Messages are stored in order. New members see them when they join.",
    tick: "Stored in the room",
  },
  memory: {
    chat: "Messages are kept while the room is awake, and are not stored.",
    tick: "Kept while the room is awake",
  },
  none: {
    chat: "Messages are not stored. Only members who are here now see them.",
    tick: "Delivered, not stored",
  },
} as const satisfies Record<HistoryMode, { readonly chat: string; readonly tick: string }>;

/** A connection in a word or two. */
export function describeLine({ line, isOnline }: Pick<View, "line" | "isOnline">): {
  readonly tone: Tone;
  readonly text: string;
} {
  if (!isOnline) return { tone: "wait", text: "Offline" };
  switch (line.phase) {
    case "joining":
      return { tone: "wait", text: "Connecting" };
    case "open":
    case "back":
      return { tone: "good", text: "Connected" };
    case "dropped":
      return { tone: "bad", text: "Line dropped" };
    case "reconnecting":
      return { tone: "wait", text: line.isSlow === true ? "Fell behind" : "Reconnecting" };
    case "full":
      return { tone: "wait", text: "Waiting for a place" };
    case "replaced":
      return { tone: "bad", text: "In another window" };
    case "refused":
      return { tone: "bad", text: "Not connected" };
    default:
      return line satisfies never;
  }
}

/** A transport's name for people. */
export function transportWord(name: TransportChoice): string {
  return { auto: "Auto", websocket: "WebSocket", sse: "SSE" }[name];
}

/** What the banner says; `undefined` for none. `nextTryMs` is how long until the next attempt, where that is known. */
export function bannerOf(view: View, now: number, nextTryMs: number | undefined): Banner | undefined {
  const { line } = view;
  switch (line.phase) {
    case "dropped":
      return {
        tone: "wait",
        text: `You dropped the line. It is back in ${seconds(line.until - now)}; what you write goes out then.`,
      };
    case "reconnecting":
      if (!view.isOnline) return OFFLINE;
      if (line.isSlow === true) return SLOW;
      return { tone: "wait", ...retryWords(view.self !== undefined, nextTryMs) };
    case "back":
      return { tone: line.isWhole ? "good" : "wait", text: backWords(line) };
    case "joining":
    case "open":
      // A connection may outlive its network for a while, without carrying anything.
      return view.isOnline ? undefined : OFFLINE;
    case "full":
    case "replaced":
    case "refused":
      return undefined;
    default:
      return line satisfies never;
  }
}

const OFFLINE: Banner = {
  tone: "wait",
  text: "You are offline. The room is back as soon as your network is; write on meanwhile.",
};

const SLOW: Banner = {
  tone: "wait",
  text: "This window did not keep up, so the room let go of it. It comes back by itself, and reads on from where it stood.",
};

/** What a return from a drop brought, in one sentence. */
export function backWords(line: Extract<Line, { phase: "back" }>): string {
  const away = `Back after ${seconds(line.awayMs)}`;
  if (!line.isWhole) return `${away}. Older messages are not kept here any more, so some may be missing.`;
  if (line.recovered === 0) return `${away}. Nobody wrote meanwhile; nothing is lost.`;
  return `${away}. ${countOf(line.recovered, "message")} recovered, nothing lost.`;
}

/** What the middle of the floor shows; `undefined` for nothing. */
export function cardOf(view: View): Card | undefined {
  const { line } = view;
  switch (line.phase) {
    case "open":
      return view.count > 1 ? undefined : { ...aloneWords(view), action: "invite" };
    case "full":
      return {
        title: "The room cannot take you in yet",
        text: `${sentence(line.why)} This page knocks again by itself until there is a place.`,
        action: "retry",
      };
    case "replaced":
      return {
        title: "You are here in another window",
        text: "It has the same key as this one, and a member has one connection at a time: the newest.",
        action: "use this window",
      };
    case "refused":
      return view.self === undefined
        ? { title: "This room cannot be entered", text: sentence(line.why), action: "new room" }
        : { title: "You are out of the room", text: sentence(line.why), action: "come back" };
    case "joining":
    case "dropped":
    case "reconnecting":
    case "back":
      return undefined;
    default:
      return line satisfies never;
  }
}

/** `1 message`, `2 messages`. */
export function countOf(count: number, what: string): string {
  return `${count.toLocaleString()} ${what}${count === 1 ? "" : "s"}`;
}

function retryWords(hasJoined: boolean, nextTryMs: number | undefined): Pick<Banner, "text" | "action"> {
  const what = hasJoined ? "The connection is lost" : "The server cannot be reached";
  if (nextTryMs === undefined || nextTryMs <= 0) return { text: `${what}. Trying again…` };
  return { text: `${what}. Next try in ${seconds(nextTryMs)}.`, action: "retry" };
}

function aloneWords(view: View): Pick<Card, "title" | "text"> {
  const text = "Open this link in another window, or send it to somebody.";
  if (view.hadCompany) return { title: "Everybody else has left", text };
  if (view.hasPast) return { title: "Nobody else is here now", text };
  return { title: "You are the first here", text };
}

/** What a server says is in lower case and has no period, unless it ends in one. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.round(ms / 1000))} s`;
}
