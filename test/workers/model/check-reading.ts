import { parsePosition } from "../../../src/protocol/positions.ts";
import type { Evidence } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Model } from "./model.ts";
import { isRecorded, textOf, type Recorded } from "./recorded.ts";

/** G4: a welcome has the client's position and the reason for it, followed by all later frames, once and in order. */
export function* exactly({ model, stored, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    yield* welcomeOf(connection, model.formerEpochs);
    yield* replayOf(connection, model);
    const { welcome, recorded, cutAt, client } = connection;
    const read = recorded.map(({ offset }) => offset);
    // If the connection was cut, a first part of the frames in transit may have arrived.
    const end = cutAt === undefined ? stored.length : Math.max(cutAt, read.at(-1) ?? 0);
    const owed = model.visible(client.id, welcome.offset, end).map(offsetOf);
    if (read.join() !== owed.join())
      yield `${connection.name} was at ${welcome.offset} and received ${list(read)}; expected ${list(owed)}`;
  }
}

function* welcomeOf(connection: Connection, formerEpochs: readonly string[]): Iterable<string> {
  const [welcome] = connection.frames;
  if (welcome?.type !== "welcome") return yield `${connection.name} did not get a welcome first`;
  const {
    recovered,
    reason,
    epoch = welcome.position.split(":")[0] ?? "",
    offset,
    head,
  } = connection.welcome;
  if (formerEpochs.includes(epoch)) yield `${connection.name} got the epoch of a log that no longer exists`;
  const told = [welcome.recovered, welcome.reason, welcome.position, welcome.head];
  const owed = [recovered, reason, `${epoch}:${offset}`, `${epoch}:${head}`];
  if (list(told) !== list(owed))
    yield `${connection.name} got (recovered, reason, position, head) ${list(told)}; expected ${list(owed)}`;
}

/** Missed messages follow the welcome directly. If there are any, a position frame follows them. */
function* replayOf(connection: Connection, model: Model): Iterable<string> {
  const { frames } = connection;
  const { offset, head } = connection.welcome;
  const missed = model.visible(connection.client.id, offset, head).map(offsetOf);
  const replay = frames.slice(1, missed.length + 1);
  const sent = replay.map((frame) => (isRecorded(frame) ? frame.offset : frame.type));
  if (list(sent) !== list(missed))
    yield `${connection.name} got the replay ${list(sent)}; expected ${list(missed)}`;
  const ends = frames.flatMap((frame, index) =>
    frame.type === "position" && frame.reason === "replayed"
      ? [`${frame.position.split(":")[1]} after ${index - 1} frames`]
      : [],
  );
  const owed = offset === head ? [] : [`${head} after ${missed.length} frames`];
  const told = connection.hasStalled ? ends.slice(0, owed.length) : ends;
  if (list(told) !== list(owed))
    yield `${connection.name} got the position ${list(ends)}; expected ${list(owed)}`;
  yield* eventIdOf(connection, model);
  yield* positionsOf(connection, model);
}

/** A position frame skips nothing that is for its client. */
function* positionsOf({ name, frames, client }: Connection, model: Model): Iterable<string> {
  let stands = 0;
  for (const frame of frames) {
    const position = "position" in frame ? parsePosition(frame.position) : undefined;
    const offset = position?.offset ?? (isRecorded(frame) ? frame.offset : stands);
    const isLost = frame.type === "position" && model.visible(client.id, stands, offset).length > 0;
    if (isLost || offset < stands) yield `${name} was at ${stands} and got ${JSON.stringify(frame)}`;
    stands = offset;
  }
}

/** An event id may be ahead of the last received message if nothing between them is for its client. */
function* eventIdOf({ name, eventId, socket, client }: Connection, model: Model): Iterable<string> {
  if (eventId === undefined) return;
  const [{ epoch, offset } = NO_POSITION, read = NO_POSITION] = [eventId, socket.position].map(parsePosition);
  const isAhead = epoch !== read.epoch || offset < read.offset || offset > model.log.length;
  if (isAhead || model.visible(client.id, read.offset, offset).length > 0)
    yield `${name} has the last id ${eventId}, but its position is ${socket.position}`;
}

const NO_POSITION = { epoch: "", offset: 0 };

/** G8: nobody receives a volatile message twice, or one from before its connection, and it is not in the log. */
export function* atMostOnce({ model, stored, connections }: Evidence): Iterable<string> {
  for (const frame of stored) {
    if (model.volatile.has(textOf(frame))) yield `${JSON.stringify(frame)} is stored`;
  }
  for (const connection of connections) {
    const owed = new Map(connection.volatile.map((each) => [each.text, each]));
    const read = connection.frames.filter((frame) => frame.type === "message" && frame.offset === undefined);
    for (const frame of read) {
      if (!owed.delete(textOf(frame)))
        yield `${connection.name} received ${JSON.stringify(frame)} twice, or was not connected when it was published`;
    }
    for (const { text, isOptional } of owed.values())
      if (!isOptional) yield `${connection.name} never received ${text}, although nothing prevented it`;
  }
}

/** Every act with a `ref` or by POST has the expected reply, and no other connection receives it. */
export function* answered({ answers, connections }: Evidence): Iterable<string> {
  for (const { by, act, answer } of answers) {
    const fault = answer === undefined ? undefined : act.judge(answer);
    if (fault !== undefined) yield `${by} sent ${JSON.stringify(act.frame)}: ${fault}`;
  }
  for (const connection of connections) {
    const due = [...connection.refs];
    for (const frame of connection.frames) {
      if (frame.type !== "ack" && frame.type !== "error" && frame.type !== "history") continue;
      const index = due.indexOf(frame.ref ?? 0);
      if (index === -1) yield `${connection.name} got the reply ${JSON.stringify(frame)} without a request`;
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
