import type { CloseName } from "../protocol/close-codes.ts";
import { encodeFrame } from "../protocol/encode.ts";
import type { AnswerFrame, LeaveReason, MemberEntry } from "../protocol/frames.ts";
import { isFor, type Addressed } from "../protocol/messages.ts";
import type { Connection } from "./connection.ts";

/** A frame for several connections, and its addressees. */
export interface Outgoing extends Addressed {
  readonly text: string;
}

/** The members after a flush. */
interface Roster {
  readonly revision: string;
  readonly count: number;
}

/** Everything that has happened in a turn and has not been sent yet. A flush sends it in the order of rule F4. */
export class Outbox {
  readonly joined = new Map<string, MemberEntry>();
  readonly updated = new Map<string, MemberEntry>();
  readonly left: { readonly id: string; readonly reason: LeaveReason }[] = [];
  readonly recorded: Outgoing[] = [];
  /** By slot: a newer message replaces an older one (rule A4). */
  readonly volatile = new Map<string, Outgoing>();
  /** The connections of members that leave, and how to close them. */
  readonly farewells = new Map<Connection, CloseName>();
  readonly #replies = new Map<Connection, AnswerFrame[]>();
  readonly #acks: (() => void)[] = [];

  /** Adds the reply to an act. */
  reply(connection: Connection, frame: AnswerFrame): void {
    this.#replies.set(connection, [...(this.#replies.get(connection) ?? []), frame]);
  }

  /** Adds the reply to a recorded act, which follows the other replies of the turn. */
  acknowledge(send: () => void): void {
    this.#acks.push(send);
  }

  /** Adds the acks to the replies. Call it once, before the first {@link textFor}. */
  settle(): void {
    for (const send of this.#acks.splice(0)) send();
  }

  /**
   * The frame for one connection; `undefined` if nothing is for it.
   *
   * @param isGone whether its member has left: it then receives no presence
   */
  textFor(connection: Connection, roster: Roster, isGone: boolean): string | undefined {
    const viewer = { member: connection.viewOnly ? undefined : connection.member, seesState: true };
    const textsFor = (frames: Iterable<Outgoing>): string[] =>
      [...frames].filter((frame) => isFor(frame, viewer)).map(({ text }) => text);
    const presence = isGone ? { arrivals: [], leaves: [] } : this.#presence(connection, roster);
    const texts = [
      ...presence.arrivals,
      ...textsFor(this.recorded),
      ...textsFor(this.volatile.values()),
      ...presence.leaves,
      ...(this.#replies.get(connection) ?? []).map(encodeFrame),
    ];
    return texts.length > 1 ? `[${texts.join(",")}]` : texts[0];
  }

  #presence(
    { mode }: Connection,
    { revision: roster, count }: Roster,
  ): { readonly arrivals: string[]; readonly leaves: string[] } {
    const { left } = this;
    const [joined, updated] = [[...this.joined.values()], [...this.updated.values()]];
    if (mode === "count") {
      const isSame = joined.length === left.length;
      const frame = encodeFrame({ type: "presence", mode, roster, count });
      return { arrivals: isSame ? [] : [frame], leaves: [] };
    }
    const arrival = {
      ...(joined.length > 0 && { joined }),
      ...(updated.length > 0 && { updated }),
      ...{ roster, count: count + left.length },
    };
    return {
      arrivals: joined.length + updated.length > 0 ? [encodeFrame({ type: "presence", ...arrival })] : [],
      leaves: left.length > 0 ? [encodeFrame({ type: "presence", left, roster, count })] : [],
    };
  }
}
