import type { AnswerFrame } from "../../../src/protocol/frames.ts";
import { request, roomPath } from "../support/rooms.ts";
import { serverWith } from "../support/servers.ts";
import { WebSocketMember } from "../support/websocket.ts";
import type { Act, PlannedAct } from "./act.ts";
import { NO_RANGE } from "./acts.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import type { Client } from "./client.ts";

/** What one client says at once. */
export interface ActBatch {
  readonly client: Client;
  readonly acts: readonly Act[];
  /** Whether it is one frame, or a frame for each act. */
  readonly isArray: boolean;
  /** Whether it is said by POST, though there may be a WebSocket. */
  readonly byPost: boolean;
}

/** Something said that the model has done, and that is not sent yet. */
export interface Prepared {
  readonly client: Client;
  readonly acts: readonly PlannedAct[];
  /**
   * Resolves once the room has handled it all: with what came back for each act, if anything has to. Of one that is
   * `cutOff` it may be less.
   */
  readonly send: (isCutOff?: boolean) => Promise<readonly (AnswerFrame | undefined)[]>;
}

/** Has the model do what a client is about to say. */
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
  // Without a ref there is no answer: then another question shows that the room is done.
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

/** A client that hears that the room did not take something says no more until it is back. */
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
 * A Worker like that of wrangler.toml, but that asks no limiter, which saves a join more than half of its time, and
 * that does not log what a crash has cut off.
 */
export const server = serverWith({ ADDRESS_LIMITS: "off", LOG_LEVEL: "error" });
