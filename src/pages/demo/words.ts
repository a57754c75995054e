import type { HistoryMode } from "../../protocol/contract.ts";
import type { TransportChoice } from "./address.ts";
import type { Line, View } from "./view.ts";

/** The color of a state: all is well, the page is waiting, or a person has to act. */
export type Tone = "good" | "wait" | "bad";

/** A line of text over the shared area that disappears by itself, with an optional button. */
export interface Banner {
  readonly tone: "good" | "wait";
  readonly text: string;
  readonly action?: "retry";
}

/** A card in the middle of the shared area. */
export interface Card {
  readonly title: string;
  readonly text: string;
  /** `invite` shows the link and buttons to share it. Each other action is one button. */
  readonly action: "invite" | keyof typeof ACTION_WORDS;
}

/** The texts of the buttons of banners and cards. */
export const ACTION_WORDS = {
  "use this window": "Use this window",
  rejoin: "Rejoin the room",
  retry: "Retry now",
  "new room": "Start a new room",
} as const;

/** What the empty chat and the tick of a message say about storage, by the history of the room. */
export const KEEPING_WORDS = {
  durable: {
    chat: "Messages are stored in order. New members see them when they join.",
    tick: "Stored in the room",
  },
  memory: {
    chat: "Messages are kept while the room is awake. They are not stored.",
    tick: "Kept while the room is awake",
  },
  none: {
    chat: "Messages are not stored. Only members who are here now receive them.",
    tick: "Delivered, not stored",
  },
} as const satisfies Record<HistoryMode, { readonly chat: string; readonly tick: string }>;

/** The state of the connection in a few words. */
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
      return { tone: "bad", text: "Disconnected" };
    case "reconnecting":
      return { tone: "wait", text: "Reconnecting" };
    case "full":
      return { tone: "wait", text: "Waiting to join" };
    case "replaced":
      return { tone: "bad", text: "In another window" };
    case "refused":
      return { tone: "bad", text: "Not connected" };
    default:
      return line satisfies never;
  }
}

/** The name of a transport for people. */
export function transportWord(name: TransportChoice): string {
  return { auto: "Auto", websocket: "WebSocket", sse: "SSE", "long-poll": "Long-poll" }[name];
}

/**
 * The banner of a state; `undefined` for none.
 *
 * @param nextTryMs milliseconds until the next attempt to connect, if they are known
 */
export function bannerOf(view: View, now: number, nextTryMs: number | undefined): Banner | undefined {
  const { line } = view;
  switch (line.phase) {
    case "dropped":
      return {
        tone: "wait",
        text: `You dropped the connection. It reconnects in ${seconds(line.until - now)}, and then sends what you write.`,
      };
    case "reconnecting":
      if (!view.isOnline) return OFFLINE;
      if (line.isSlow === true) return SLOW;
      return { tone: "wait", ...retryWords(view.self !== undefined, nextTryMs) };
    case "back":
      return { tone: line.isWhole ? "good" : "wait", text: backWords(line) };
    case "joining":
    case "open":
      // For a while after the network fails, a connection may look open although nothing arrives.
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
  text: "You are offline. This page reconnects when your network does. You can keep writing.",
};

const SLOW: Banner = {
  tone: "wait",
  text: "This window did not keep up, so the room closed its connection. It reconnects and receives the rest.",
};

/** Describes a reconnect: how long it took, and which messages it recovered. */
export function backWords(line: Extract<Line, { phase: "back" }>): string {
  const away = `Reconnected after ${seconds(line.awayMs)}`;
  if (!line.isWhole) return `${away}. Messages may be missing, because the room no longer has them.`;
  if (line.recovered === 0) return `${away}. No messages were missed.`;
  return `${away}. Recovered ${countOf(line.recovered, "missed message")}.`;
}

/** The card of a state; `undefined` for none. */
export function cardOf(view: View): Card | undefined {
  const { line } = view;
  switch (line.phase) {
    case "open":
      return view.count > 1 ? undefined : { ...aloneWords(view), action: "invite" };
    case "full":
      return {
        title: "You cannot join yet",
        text: `${sentence(line.why)} This page tries again automatically.`,
        action: "retry",
      };
    case "replaced":
      return {
        title: "You are in this room in another window",
        text: "That window has the same key as this one. A member has only one connection, and the newest replaces the others.",
        action: "use this window",
      };
    case "refused":
      return view.self === undefined
        ? { title: "You cannot join this room", text: sentence(line.why), action: "new room" }
        : { title: "You are no longer in this room", text: sentence(line.why), action: "rejoin" };
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
  if (nextTryMs === undefined || nextTryMs <= 0) return { text: `${what}. Reconnecting…` };
  return { text: `${what}. Next attempt in ${seconds(nextTryMs)}.`, action: "retry" };
}

function aloneWords(view: View): Pick<Card, "title" | "text"> {
  const text = "Open this link in another window, or send it to somebody.";
  if (view.hadCompany) return { title: "Everybody else has left", text };
  if (view.hasPast) return { title: "Nobody else is here now", text };
  return { title: "You are the first one here", text };
}

/** Makes a sentence of a server's message, which begins in lower case and usually has no period. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.round(ms / 1000))} s`;
}
