import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromBase64, toBase64, toBase64url } from "../base64.ts";
import type { MessageFrame } from "../frames.ts";
import type { Messages, MessagesSchema } from "../generated/parlor_pb.ts";
import type { Json } from "../json.ts";

/** The `from` of the room's own messages: sender 0 of every group. */
const ROOM = "room";

/** The size of a member's id: in characters of base64url, and in bytes of a table of senders. */
const ID = { chars: 22, bytes: 17 } as const;

/** The maximum time from one message of a group to the next, in milliseconds: the largest uint32. */
const MAX_STEP_MS = 0xffff_ffff;

/** Divides messages into groups that can be written by column. Keeps their order. */
export function groupMessages(frames: readonly MessageFrame[]): MessageInitShape<typeof MessagesSchema>[] {
  const groups: Group[] = [];
  let last: Group | undefined;
  for (const frame of frames) {
    if (last?.takes(frame) !== true) groups.push((last = new Group(frame)));
    last.add(frame);
  }
  return groups.map((group) => group.written);
}

/** Reads the messages of a group. */
export function* messagesOf(group: Messages): Generator<MessageFrame> {
  const { json, raw, offset, to, kept } = group;
  let time = Number(group.time);
  for (let index = 0; index < json.length + raw.length; index++) {
    time += entryOf(group.laterMs, index);
    const sender = entryOf(group.sender, index);
    const user = (sender === 0 ? undefined : group.users[sender - 1]) ?? "";
    const bytes = raw[index];
    yield {
      type: "message",
      ...(offset !== undefined && { offset: Number(offset) + index }),
      time,
      from: sender === 0 ? ROOM : idAt(group.senders, sender - 1),
      ...(user !== "" && { user }),
      ...(to.length > 0 && { to }),
      event: group.events[entryOf(group.event, index)] ?? "",
      ...(bytes === undefined
        ? { data: JSON.parse(json[index] ?? "null") as Json }
        : { bytes: toBase64(bytes) }),
      ...(kept && { kept }),
    };
  }
}

/** Messages that are written together. */
class Group {
  readonly #first: MessageFrame;
  readonly #json: string[] = [];
  readonly #raw: Uint8Array[] = [];
  readonly #steps: number[] = [];
  readonly #events = new Map<string, number>();
  readonly #event: number[] = [];
  /** The numbers of the senders, from 1 on. The room has 0. */
  readonly #senders = new Map<string, number>();
  readonly #users: string[] = [];
  readonly #sender: number[] = [];
  #time: number;

  constructor(first: MessageFrame) {
    this.#first = first;
    this.#time = first.time;
  }

  /** Whether a message can be added to the group. */
  takes({ offset, time, to, bytes, kept }: MessageFrame): boolean {
    const first = this.#first;
    const next = first.offset === undefined ? undefined : first.offset + this.#steps.length;
    return (
      offset === next &&
      kept === first.kept &&
      (bytes === undefined) === (first.bytes === undefined) &&
      time >= this.#time &&
      time - this.#time <= MAX_STEP_MS &&
      (to === first.to || (to !== undefined && to.join() === first.to?.join()))
    );
  }

  add({ time, from, user = "", event, data, bytes }: MessageFrame): void {
    if (bytes === undefined) this.#json.push(JSON.stringify(data ?? null));
    else this.#raw.push(fromBase64(bytes));
    this.#steps.push(time - this.#time);
    this.#time = time;
    this.#event.push(numberOf(this.#events, event, 0));
    const sender = from === ROOM ? 0 : numberOf(this.#senders, from, 1);
    this.#sender.push(sender);
    if (sender > this.#users.length) this.#users.push(user); // a member always has the same user
  }

  get written(): MessageInitShape<typeof MessagesSchema> {
    const { offset, time, to, kept = false } = this.#first;
    return {
      json: this.#json,
      raw: this.#raw,
      ...(offset !== undefined && { offset: BigInt(offset) }),
      time: BigInt(time),
      laterMs: columnOf(this.#steps),
      events: [...this.#events.keys()],
      event: columnOf(this.#event),
      senders: bytesOf([...this.#senders.keys()]),
      users: this.#users.slice(0, this.#users.findLastIndex((user) => user !== "") + 1),
      sender: columnOf(this.#sender),
      to: to === undefined ? [] : [...to],
      kept,
    };
  }
}

/** The number of a name in a table. A new name gets the next number. */
function numberOf(table: Map<string, number>, name: string, first: number): number {
  let number = table.get(name);
  if (number === undefined) table.set(name, (number = table.size + first));
  return number;
}

/** A column without its repeated last entries. An empty column is all zeros. */
function columnOf(entries: number[]): number[] {
  let length = entries.length;
  while (length > 1 && entries[length - 1] === entries[length - 2]) length--;
  return entries.slice(0, length === 1 && entries[0] === 0 ? 0 : length);
}

function entryOf(column: readonly number[], index: number): number {
  return column[index] ?? column.at(-1) ?? 0;
}

/** Concatenates ids. 132 bits take seventeen bytes, of which the last four bits are zero. */
function bytesOf(ids: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID.bytes);
  for (const [index, id] of ids.entries()) {
    bytes.set(fromBase64(`${id.replaceAll("-", "+").replaceAll("_", "/")}A=`), index * ID.bytes);
  }
  return bytes;
}

function idAt(senders: Uint8Array, index: number): string {
  return toBase64url(senders.subarray(index * ID.bytes, (index + 1) * ID.bytes)).slice(0, ID.chars);
}
