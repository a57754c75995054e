import type { AnswerFrame } from "../../../src/protocol/frames.ts";
import { request, roomPath } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { WebSocketMember } from "../support/websocket.ts";
import type { Act, PlannedAct } from "./act.ts";
import { NO_RANGE } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import type { Client } from "./client.ts";

/** The acts that one client sends at the same time. */
export interface ActBatch {
  readonly client: Client;
  readonly acts: readonly Act[];
  /** Whether they are one frame, or one frame for each act. */
  readonly isArray: boolean;
  /** Whether they are sent by POST, even if there is a WebSocket. */
  readonly byPost: boolean;
}

/** Acts that the model has applied, and that are not sent yet. */
export interface Prepared {
  readonly client: Client;
  readonly acts: readonly PlannedAct[];
  /**
   * Sends the acts. Resolves once the room has handled all of them, with the reply to each act that requires one. If it
   * is cut off, replies may be missing.
   */
  readonly send: (isCutOff?: boolean) => Promise<readonly (AnswerFrame | undefined)[]>;
}

/** Applies to the model what a client is about to send. */
export function prepare(model: Model, room: string, { client, acts, isArray, byPost }: ActBatch): Prepared {
  const connection = model.connectionOf(client.id);
  const actor = { model, client, queue: model.newQueue() };
  const planned = acts.map((act) => act.plan(actor));
  client.spent += planned.length + 1;
  if (connection !== undefined) connection.heardAt = model.now;
  const socket = connection?.socket;
  const send =
    connection !== undefined && socket instanceof WebSocketMember && !byPost
      ? (isCutOff = false) => sendOver(connection, socket, planned, { isArray, isCutOff })
      : () => sendByPost(room, client, planned, isArray);
  return { client, acts: planned, send };
}

async function sendOver(
  connection: Connection,
  socket: WebSocketMember,
  acts: readonly PlannedAct[],
  { isArray, isCutOff }: { readonly isArray: boolean; readonly isCutOff: boolean },
): Promise<readonly (AnswerFrame | undefined)[]> {
  const frames = acts.map(({ frame }) => frame);
  // Acts without a ref have no reply. Another request then shows that the room has handled them.
  const ends =
    frames.at(-1)?.ref === undefined
      ? [{ type: "history", ref: connection.client.nextRef(), ...NO_RANGE }]
      : [];
  const refs = [...frames, ...ends].map(({ ref }) => ref);
  connection.refs.push(...refs.filter((ref) => ref !== undefined));
  for (const body of [...(isArray ? [frames] : frames), ...ends]) socket.send(body);
  const answers = refs.map(async (ref) => {
    if (ref === undefined) return undefined;
    const answer = socket.inbox.take(ANSWERS, (frame) => frame.ref === ref);
    return isCutOff ? answer.catch(() => undefined) : answer;
  });
  return (await Promise.all(answers)).slice(0, acts.length);
}

const ANSWERS = ["ack", "error", "history"] as const;

/** A client that learns that the room did not accept an act stops sending until it has reconnected. */
async function sendByPost(
  room: string,
  client: Client,
  acts: readonly PlannedAct[],
  isArray: boolean,
): Promise<readonly AnswerFrame[]> {
  const frames = acts.map(({ frame }) => frame);
  const headers = { "Parlor-Session": `${client.session}.${client.key}` };
  const answers: AnswerFrame[] = [];
  for (const message of isArray ? [frames] : frames) {
    const init = { method: "POST", headers, body: JSON.stringify(message) };
    const response = await request(roomPath(room, "/messages"), init, server);
    const answer: AnswerFrame | readonly AnswerFrame[] = await response.json();
    if (!("type" in answer)) answers.push(...answer);
    else if (answer.type === "error" && answer.code === "unavailable") break;
    else answers.push(answer);
  }
  return answers;
}

/**
 * A Worker like that of wrangler.toml, except that it uses no limiter, which saves more than half of the time of a
 * join. It also does not log what a crash has interrupted.
 */
export const server = serverWith({ ADDRESS_LIMITS: "off", LOG_LEVEL: "error" });
