import type { Evidence } from "./checks.ts";
import type { Connection } from "./connection.ts";
import { isRecorded, textOf } from "./recorded.ts";

/** G4: a welcome that says where its reader stands and why, then all that came after it, once and in order. */
export function* exactly({ model, stored, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    yield* welcomeOf(connection, model.formerEpochs);
    yield* replayOf(connection);
    const { welcome, recorded, cutAt } = connection;
    const read = recorded.map(({ offset }) => offset);
    // Of what was on its way in a crash, the first part may have come.
    const end = cutAt === undefined ? stored.length : Math.max(cutAt, read.at(-1) ?? 0);
    const owed = offsets(welcome.offset, end);
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
function* replayOf(connection: Connection): Iterable<string> {
  const { frames } = connection;
  const { offset, head } = connection.welcome;
  const missed = offsets(offset, head);
  const replay = frames.slice(1, missed.length + 1);
  const sent = replay.map((frame) => (isRecorded(frame) ? frame.offset : frame.type));
  if (list(sent) !== list(missed)) yield `${connection.name} was replayed ${list(sent)}, not ${list(missed)}`;
  const ends = frames.flatMap((frame, index) =>
    frame.type === "position" ? [`${frame.position.split(":")[1]} after ${index - 1} frames`] : [],
  );
  const owed = missed.length === 0 ? [] : [`${head} after ${missed.length} frames`];
  if (list(ends) !== list(owed))
    yield `${connection.name} was sent the position ${list(ends)}, not ${list(owed)}`;
  if (connection.eventId !== undefined && connection.eventId !== connection.socket.position)
    yield `${connection.name} has the last id ${connection.eventId}, and stands at ${connection.socket.position}`;
}

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

function offsets(after: number, upTo: number): number[] {
  return Array.from({ length: Math.max(upTo - after, 0) }, (_, index) => after + index + 1);
}

function list(items: readonly (string | number | boolean | undefined)[]): string {
  return items.length === 0 ? "nothing" : items.map((item) => item ?? "-").join(" ");
}
