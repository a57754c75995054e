import type { PresenceFrame } from "../../../src/protocol/frames.ts";
import type { Evidence } from "./checks.ts";
import type { Connection, OwedChange } from "./connection.ts";
import { textOfData, type Change } from "./model.ts";

/** G9: each reads of each change once, believes what is so, and was told so when it came. */
export function* presenceIsTrue({ model, connections }: Evidence): Iterable<string> {
  for (const connection of connections) {
    const [welcome] = connection.frames;
    if (welcome?.type !== "welcome") continue;
    const here = new Map(welcome.members?.map(({ id, data }) => [id, textOfData(data)]));
    if (listOf(here) !== listOf(connection.welcome.members) || welcome.count !== here.size)
      yield `${connection.name} was told of ${welcome.count}: ${listOf(here)}; not ${listOf(connection.welcome.members)}`;
    const told: string[] = [];
    for (const [index, frame] of connection.frames.entries()) {
      if (frame.type !== "presence") continue;
      if (frame.members !== undefined) {
        const before = connection.frames[index - 1];
        if (!connection.hasStalled || before?.type !== "position")
          yield `${connection.name} was told the whole list, and had missed nothing, or was not sent the log before`;
        here.clear();
        for (const { id, data } of frame.members) here.set(id, textOfData(data));
      }
      yield* follow(connection, frame, here, told);
    }
    yield* changesOf(connection, told);
    if (model.connections.has(connection) && listOf(here) !== listOf(model.list()))
      yield `${connection.name} believes that here are ${listOf(here)}; not ${listOf(model.list())}`;
  }
}

/** Does as a client does with a presence frame, and tells what contradicts what it knew. */
function* follow(
  connection: Connection,
  frame: PresenceFrame,
  here: Map<string, string>,
  told: string[],
): Iterable<string> {
  for (const { id, data } of frame.joined ?? []) {
    if (here.has(id)) yield `${connection.name} was told that ${id} joined, who was here`;
    here.set(id, textOfData(data));
    told.push(textOfChange({ what: "joined", id, data }));
  }
  for (const { id, data } of frame.updated ?? []) {
    if (!here.has(id)) yield `${connection.name} was told that ${id} changed, who was not here`;
    here.set(id, textOfData(data));
    told.push(textOfChange({ what: "updated", id, data }));
  }
  for (const { id, reason } of frame.left ?? []) {
    if (!here.delete(id)) yield `${connection.name} was told that ${id} left, who was not here`;
    told.push(textOfChange({ what: "left", id, reason }));
  }
  if (frame.count !== here.size)
    yield `${connection.name} was told of ${frame.count}, and knows ${here.size}`;
}

/** Of each member it reads the changes that there were, in their order; what different members did may be mixed. */
function* changesOf(connection: Connection, told: readonly string[]): Iterable<string> {
  const ids = new Set([...connection.changes.map(({ change }) => change.id), ...told.map(idOf)]);
  for (const id of ids) {
    const owed = connection.changes.filter(({ change }) => change.id === id);
    const read = told.filter((text) => idOf(text) === id);
    if (fits(owed, read)) continue;
    const [is, should] = [read, owed.map(({ change }) => textOfChange(change))].map((all) => all.join(", "));
    yield `${connection.name} was told: ${is || "nothing"}; not: ${should || "nothing"}`;
  }
}

/** Whether what was told is what was owed; of several changes at once, the older ones may be left out. */
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
      .join(", ") || "no one"
  );
}
