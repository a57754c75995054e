import { parsePosition } from "../../../src/protocol/positions.ts";
import type { Evidence } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import { isRecorded, textOf, type Recorded } from "./recorded.ts";

/** G4: a welcome that says where its reader stands and why, then all that came after it, once and in order. */
export function* exactly({ model, stored, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    yield* welcomeOf(connection, model.formerEpochs);
    yield* replayOf(connection, model);
    const { welcome, recorded, cutAt, client } = connection;
    const read = recorded.map(({ offset }) => offset);
    // Of what was on its way when it was cut off, the first part may have come.
    const end = cutAt === undefined ? stored.length : Math.max(cutAt, read.at(-1) ?? 0);
    const owed = model.visible(client.id, welcome.offset, end).map(offsetOf);
    if (read.join() !== owed.join())
      yield `${connection.name} stood at ${welcome.offset} and read ${list(read)}, not ${list(owed)}`;
  }
}

function* welcomeOf(connection: Connection, formerEpochs: readonly string[]): Iterable<string> {
  const [welcome] = connection.frames;
  if (welcome?.type !== "welcome") return yield `${connection.name} was not welcomed first`;
  const {
    recovered,
    reason,
    epoch = welcome.position.split(":")[0] ?? "",
    offset,
    head,
  } = connection.welcome;
  if (formerEpochs.includes(epoch)) yield `${connection.name} was given the epoch of a log that is no more`;
  const told = [welcome.recovered, welcome.reason, welcome.position, welcome.head];
  const owed = [recovered, reason, `${epoch}:${offset}`, `${epoch}:${head}`];
  if (list(told) !== list(owed))
    yield `${connection.name} was told (recovered, reason, position, head) ${list(told)}, not ${list(owed)}`;
}

/** What was missed follows the welcome, and nothing comes between; then comes the position, where anything was. */
function* replayOf(connection: Connection, model: Model): Iterable<string> {
  const { frames } = connection;
  const { offset, head } = connection.welcome;
  const missed = model.visible(connection.client.id, offset, head).map(offsetOf);
  const replay = frames.slice(1, missed.length + 1);
  const sent = replay.map((frame) => (isRecorded(frame) ? frame.offset : frame.type));
  if (list(sent) !== list(missed)) yield `${connection.name} was replayed ${list(sent)}, not ${list(missed)}`;
  const ends = frames.flatMap((frame, index) =>
    frame.type === "position" && frame.reason === "replayed"
      ? [`${frame.position.split(":")[1]} after ${index - 1} frames`]
      : [],
  );
  const owed = offset === head ? [] : [`${head} after ${missed.length} frames`];
  const told = connection.hasStalled ? ends.slice(0, owed.length) : ends;
  if (list(told) !== list(owed))
    yield `${connection.name} was sent the position ${list(ends)}, not ${list(owed)}`;
  yield* eventIdOf(connection, model);
  yield* positionsOf(connection, model);
}

/** A position passes over nothing that is for its reader. */
function* positionsOf({ name, frames, client }: Connection, model: Model): Iterable<string> {
  let stands = 0;
  for (const frame of frames) {
    const position = "position" in frame ? parsePosition(frame.position) : undefined;
    const offset = position?.offset ?? (isRecorded(frame) ? frame.offset : stands);
    const isLost = frame.type === "position" && model.visible(client.id, stands, offset).length > 0;
    if (isLost || offset < stands) yield `${name} stood at ${stands} and was sent ${JSON.stringify(frame)}`;
    stands = offset;
  }
}

/** An event id may be ahead of the last message that was read, if nothing between is for its reader. */
function* eventIdOf({ name, eventId, socket, client }: Connection, model: Model): Iterable<string> {
  if (eventId === undefined) return;
  const [{ epoch, offset } = NO_POSITION, read = NO_POSITION] = [eventId, socket.position].map(parsePosition);
  const isAhead = epoch !== read.epoch || offset < read.offset || offset > model.log.length;
  if (isAhead || model.visible(client.id, read.offset, offset).length > 0)
    yield `${name} has the last id ${eventId}, and stands at ${socket.position}`;
}

const NO_POSITION = { epoch: "", offset: 0 };

/** G8: no one reads a volatile message twice, or one that was said without it; and it leaves no trace in the log. */
export function* atMostOnce({ model, stored, connections }: Evidence): Iterable<string> {
  for (const frame of stored) {
    if (model.volatile.has(textOf(frame))) yield `${JSON.stringify(frame)} is stored`;
  }
  for (const connection of connections) {
    const owed = new Map(connection.volatile.map((each) => [each.text, each]));
    const read = connection.frames.filter((frame) => frame.type === "message" && frame.offset === undefined);
    for (const frame of read) {
      if (!owed.delete(textOf(frame)))
        yield `${connection.name} read ${JSON.stringify(frame)} again, or was not there when it was said`;
    }
    for (const { text, isOptional } of owed.values())
      if (!isOptional) yield `${connection.name} never read ${text}, though nothing was in the way`;
  }
}

/** Every act that has a `ref`, or came by POST, has the answer it should have, and no connection gets another. */
export function* answered({ answers, connections }: Evidence): Iterable<string> {
  for (const { by, act, answer } of answers) {
    const fault = answer === undefined ? undefined : act.judge(answer);
    if (fault !== undefined) yield `${by} asked ${JSON.stringify(act.frame)}: ${fault}`;
  }
  for (const connection of connections) {
    const due = [...connection.refs];
    for (const frame of connection.frames) {
      if (frame.type !== "ack" && frame.type !== "error" && frame.type !== "history") continue;
      const index = due.indexOf(frame.ref ?? 0);
      if (index === -1) yield `${connection.name} was answered ${JSON.stringify(frame)}, and had not asked`;
      else due.splice(index, 1);
    }
  }
}

function offsetOf({ offset }: Recorded): number {
  return offset ?? 0;
}

function list(items: readonly (string | number | boolean | undefined)[]): string {
  return items.length === 0 ? "nothing" : items.map((item) => item ?? "-").join(" ");
}
