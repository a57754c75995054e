import { defined } from "../../protocol/defined.ts";
import { dialectOf } from "../../protocol/dialects.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { HistoryRequestFrame } from "../../protocol/frames.ts";
import type { MemberActor, Reader, ReadOutcome } from "../api.ts";
import { sourceOf } from "../access/act-admission.ts";
import type { RoomBudgets } from "../../limits/room-budgets.ts";
import type { Joins } from "../membership/join.ts";
import { charsOf, PARSE_PRICE } from "../log/history-pages.ts";
import type { Log } from "../log/log.ts";
import type { Members } from "../presence/members.ts";
import type { Reply, Outbox } from "../delivery/outbox.ts";
import type { Session } from "../connections/sessions.ts";

/** The result of a query over HTTP. */
export interface QueryResult {
  /** JSON text. */
  readonly text: string;
  /** The cost for the room, in scanned characters. */
  readonly cost: number;
}

/** The collaborators that answer queries. */
interface Collaborators {
  readonly log: Log;
  readonly members: Members;
  readonly budgets: RoomBudgets;
  readonly outbox: Outbox;
  readonly joins: Pick<Joins, "isNew">;
}

/** Answers queries and charges them to their source. The rules are the same over a socket, by POST and over HTTP. */
export class MeteredQueries {
  readonly #room: Collaborators;

  constructor(room: Collaborators) {
    this.#room = room;
  }

  /** Answers a `history` frame. Returns the error if it is rejected. */
  history(
    actor: MemberActor,
    connection: Session | undefined,
    frame: HistoryRequestFrame,
    reply: Reply,
    now: number,
  ): WireError | undefined {
    const source = sourceOf(actor);
    const refusal = this.#room.budgets.readRefusal(source, now);
    if (refusal !== undefined) return refusal;
    this.#room.outbox.send(now); // Acts before it in its frame must be readable.
    const isMember = this.#room.members.byId(actor.member) !== undefined;
    const viewer = { member: isMember ? actor.member : undefined, seesState: false };
    const page = this.#room.log.history(frame, now, viewer);
    const isText = connection !== undefined && dialectOf(connection.record.dialect).isJson;
    this.#room.budgets.chargeRead(source, page.cost + (isText ? 1 : PARSE_PRICE) * charsOf(page), now);
    reply(defined({ type: "history", ref: frame.ref, page }));
    return undefined;
  }

  /** Answers a query over HTTP. A Worker of older code sends no reader and does not understand rejections. */
  run(reader: Reader | undefined, read: () => QueryResult, now: number): ReadOutcome | string {
    const { isNew } = this.#room.joins;
    const refused = reader && this.#room.budgets.readRefusal(reader.source, now);
    if (refused !== undefined) return { refused, text: "", isNew };
    const { text, cost } = read();
    this.#room.budgets.chargeRead(reader?.source, cost, now);
    return reader === undefined ? text : { refused: null, text, isNew };
  }
}
