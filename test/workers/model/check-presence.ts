import type { PresenceFrame } from "../../../src/protocol/frames.ts";
import type { Evidence } from "./checks.ts";
import type { Connection, OwedChange } from "./connection.ts";
import { textOfData, type Change } from "./model.ts";

/** G9: each client receives each change once, knows the current members, and receives each change in time. */
export function* presenceIsTrue({ model, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    const [welcome] = connection.frames;
    if (welcome?.type !== "welcome") continue;
    const here = new Map(welcome.members?.map(({ id, data }) => [id, textOfData(data)]));
    if (listOf(here) !== listOf(connection.welcome.members) || welcome.count !== here.size)
      yield `${connection.name} got ${welcome.count} members in its welcome: ${listOf(here)}; expected ${listOf(connection.welcome.members)}`;
    const told: string[] = [];
    for (const [index, frame] of connection.frames.entries()) {
      if (frame.type !== "presence") continue;
      if (frame.members !== undefined) {
        const before = connection.frames[index - 1];
        if (!connection.hasStalled || before?.type !== "position")
          yield `${connection.name} got the whole list although it had missed nothing, or had not been sent the log before`;
        here.clear();
        for (const { id, data } of frame.members) here.set(id, textOfData(data));
      }
      yield* follow(connection, frame, here, told);
    }
    yield* changesOf(connection, told);
    if (model.connections.has(connection) && listOf(here) !== listOf(model.list()))
      yield `${connection.name} knows the members ${listOf(here)}; expected ${listOf(model.list())}`;
  }
}

/** Applies a presence frame as a client does. Reports what contradicts its earlier knowledge. */
function* follow(
  connection: Connection,
  frame: PresenceFrame,
  here: Map<string, string>,
  told: string[],
): Iterable<string> {
  for (const { id, data } of frame.joined ?? []) {
    if (here.has(id)) yield `${connection.name} was notified that ${id} joined, but it was a member already`;
    here.set(id, textOfData(data));
    told.push(textOfChange({ what: "joined", id, data }));
  }
  for (const { id, data } of frame.updated ?? []) {
    if (!here.has(id)) yield `${connection.name} was notified that ${id} changed, but it was not a member`;
    here.set(id, textOfData(data));
    told.push(textOfChange({ what: "updated", id, data }));
  }
  for (const { id, reason } of frame.left ?? []) {
    if (!here.delete(id)) yield `${connection.name} was notified that ${id} left, but it was not a member`;
    told.push(textOfChange({ what: "left", id, reason }));
  }
  if (frame.count !== here.size)
    yield `${connection.name} got the count ${frame.count}, but knows ${here.size} members`;
}

/** A client receives the changes of each member in order. Changes of different members may be interleaved. */
function* changesOf(connection: Connection, told: readonly string[]): Iterable<string> {
  const ids = new Set([...connection.changes.map(({ change }) => change.id), ...told.map(idOf)]);
  for (const id of ids) {
    const owed = connection.changes.filter(({ change }) => change.id === id);
    const read = told.filter((text) => idOf(text) === id);
    if (fits(owed, read)) continue;
    const [is, should] = [read, owed.map(({ change }) => textOfChange(change))].map((all) => all.join(", "));
    yield `${connection.name} got: ${is || "nothing"}; expected: ${should || "nothing"}`;
  }
}

/** Whether the received changes are the expected ones. Of several changes in one step, the older ones may be absent. */
function fits([next, ...others]: readonly OwedChange[], told: readonly string[]): boolean {
  if (next === undefined) return told.length === 0;
  const isTold = told[0] === textOfChange(next.change) && fits(others, told.slice(1));
  return isTold || (next.isOptional && fits(others, told));
}

/** A change as a sentence that begins with its member. */
function textOfChange(change: Change): string {
  const more = change.what === "left" ? change.reason : textOfData(change.data);
  return `${change.id} ${change.what} (${more})`;
}

function idOf(text: string): string {
  return text.split(" ", 1)[0] ?? "";
}

function listOf(members: ReadonlyMap<string, string>): string {
  return (
    [...members]
      .map(([id, data]) => `${id} (${data})`)
      .toSorted()
      .join(", ") || "nobody"
  );
}
