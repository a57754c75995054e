import type { ServerFrame, WelcomeFrame } from "../../src/protocol/frames.ts";
import { mayReconnect } from "../../src/protocol/close-codes.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { Inbox } from "../support/inbox.ts";
import type { Departure } from "../support/member.ts";
import type { SseEvent } from "../support/sse-parser.ts";
import type { FramePattern, Pattern, Step, TransportName } from "./format.ts";
import type { Run } from "./cases.ts";
import { Bindings, mismatch, valueOf } from "./patterns.ts";

/** A connection to the server under test. */
export interface Peer {
  readonly inbox: Inbox;
  readonly closed: Promise<Departure>;
  /** Whether the replies to acts are in the responses to its POSTs, and its close is a frame: over SSE and long-poll. */
  readonly actsByPost?: boolean;
  /** The events of a stream. */
  readonly events?: readonly SseEvent[];
  /** Sends a frame over the socket, or by POST: then it resolves with the parsed body of the response. */
  send(text: string): void | Promise<unknown>;
  /** Closes the connection with a code. */
  close(code: number): void;
  /** Loses the connection. Resolves when the server has noticed that. */
  lose(): Promise<void>;
}

/** The server under test, with one unused room. */
export interface Target {
  connect(transport: TransportName, query: Readonly<Record<string, string>>): Promise<Peer>;
  /** Ends the grace periods of the room's members that have no connection. */
  endGrace(): Promise<void>;
  /** Ends every connection of the room, as a restart of the server does. */
  restart(): Promise<void>;
}

/** The client of one name in a case, which the runner plays. */
interface Player {
  readonly peer: Peer;
  /** The frames and the events that the case has not named yet. */
  frames: number;
  events: number;
  readonly replies: ServerFrame[];
}

/** The types of the replies to acts. Over SSE and long-poll they are in the responses to the POSTs (rule H3). */
const REPLIES = new Set(["ack", "error", "history"]);

/**
 * Runs a case against a server: plays its clients, and compares what they receive.
 *
 * @throws Error for the first difference, with the step
 */
export async function expectServerPasses({ case: { steps }, transport }: Run, target: Target): Promise<void> {
  const bindings = new Bindings();
  const players = new Map<string, Player>();
  const playerOf = (name: string): Player => {
    const player = players.get(name);
    if (player === undefined) throw new Error(`${name} is not connected`);
    return player;
  };
  for (const [index, step] of steps.entries()) {
    try {
      if ("server" in step) await target[step.server]();
      else if ("connect" in step)
        players.set(step.client, await connect(step.connect, transport, target, bindings));
      else await perform(step, playerOf(step.client), bindings);
    } catch (error) {
      throw new Error(`step ${index + 1}, ${JSON.stringify(step)}: ${String(error)}`, { cause: error });
    }
  }
  for (const [name, { peer, frames, replies }] of players) {
    const others = [...peer.inbox.all.slice(frames), ...replies];
    if (others.length > 0) throw new Error(`${name} also received ${JSON.stringify(others)}`);
  }
}

async function connect(
  parameters: Readonly<Record<string, Pattern>>,
  transport: TransportName,
  target: Target,
  bindings: Bindings,
): Promise<Player> {
  const query = Object.entries(parameters).map(([name, pattern]) => {
    const value = valueOf(pattern, bindings);
    return [name, name === "presence" || typeof value !== "string" ? JSON.stringify(value) : value] as const;
  });
  const peer = await target.connect(transport, Object.fromEntries(query));
  return { peer, frames: 0, events: 0, replies: [] };
}

async function perform(
  step: Exclude<Step, { readonly server: unknown } | { readonly connect: unknown }>,
  player: Player,
  bindings: Bindings,
): Promise<void> {
  const { peer } = player;
  if ("receives" in step) {
    for (const pattern of step.receives) check(pattern, await nextFrame(player, pattern), bindings);
  } else if ("events" in step) {
    for (const { id, data } of step.events) {
      const at = player.events++;
      await peer.inbox.until(() => (peer.events?.length ?? 0) > at);
      const event = peer.events?.[at];
      const frames: unknown = JSON.parse(event?.data ?? "null");
      player.frames += Array.isArray(frames) ? frames.length : 1;
      check({ id, data }, { id: event?.id, data: frames }, bindings);
    }
  } else if ("sends" in step || "sendsByItself" in step) {
    const frame = "sends" in step ? step.sends : step.sendsByItself;
    const text = typeof frame === "string" ? frame : JSON.stringify(valueOf(frame as Pattern, bindings));
    const response = (await peer.send(text)) ?? [];
    for (const reply of [response].flat() as ServerFrame[])
      if (reply.type !== "ack" || reply.ref !== undefined) player.replies.push(reply);
  } else if ("loses" in step) await peer.lose();
  else if ("closes" in step) {
    peer.close(step.closes);
    await peer.closed;
  } else {
    const { code } = await peer.closed;
    const { code: expected = code, retry } = step.closed;
    if (peer.actsByPost === true) skipClose(player, step.closed);
    check({ code: expected, retry }, { code, retry: mayReconnect(code) }, bindings);
  }
}

/** The last frame of a stream or of polls is the close, which a WebSocket has no frame for. */
function skipClose(player: Player, { code }: { readonly code?: number }): void {
  const frame = player.peer.inbox.all[player.frames];
  if (frame?.type === "close") player.frames++;
  else if (code !== undefined) throw new Error(`a close was expected, received ${JSON.stringify(frame)}`);
}

async function nextFrame(player: Player, { type }: FramePattern): Promise<ServerFrame> {
  const { peer, replies } = player;
  const isReply = REPLIES.has(type) && peer.actsByPost === true && isWelcome(peer);
  if (isReply) return replies.shift() ?? failure(`no reply has arrived, expected ${type}`);
  const at = player.frames++;
  await peer.inbox.until(({ all }) => all.length > at);
  return peer.inbox.all[at] ?? failure("no frame has arrived");
}

function isWelcome({ inbox }: Peer): boolean {
  return inbox.all.some(({ type }) => type === "welcome");
}

/** The welcome of a connection, for a peer that acts by POST. */
export function welcomeOf({ inbox }: { readonly inbox: Inbox }): WelcomeFrame {
  return inbox.all.find((frame) => frame.type === "welcome") ?? failure("the client is not welcome yet");
}

function check(pattern: Pattern, actual: unknown, bindings: Bindings): void {
  const difference = mismatch(pattern, actual, bindings);
  if (difference !== undefined) throw new Error(`${difference}; received ${JSON.stringify(actual as Json)}`);
}

function failure(message: string): never {
  throw new Error(message);
}
