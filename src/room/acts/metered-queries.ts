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

/** Answers queries and charges them to their source. The rules are the same over a socket, by POST and over HTTP. */
export class MeteredQueries {
  readonly #log: Log;
  readonly #members: Members;
  readonly #budgets: RoomBudgets;
  readonly #outbox: Outbox;
  readonly #joins: Pick<Joins, "isNew">;

  constructor(room: {
    readonly log: Log;
    readonly members: Members;
    readonly budgets: RoomBudgets;
    readonly outbox: Outbox;
    readonly joins: Pick<Joins, "isNew">;
  }) {
    this.#log = room.log;
    this.#members = room.members;
    this.#budgets = room.budgets;
    this.#outbox = room.outbox;
    this.#joins = room.joins;
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
    const refusal = this.#budgets.readRefusal(source, now);
    if (refusal !== undefined) return refusal;
    this.#outbox.send(now); // Acts before it in its frame must be readable.
    const isMember = this.#members.byId(actor.member) !== undefined;
    const viewer = { member: isMember ? actor.member : undefined, seesState: false };
    const page = this.#log.history(frame, now, viewer);
    const isText = connection !== undefined && dialectOf(connection.record.dialect).isJson;
    this.#budgets.chargeRead(source, page.cost + (isText ? 1 : PARSE_PRICE) * charsOf(page), now);
    reply(defined({ type: "history", ref: frame.ref, page }));
    return undefined;
  }

  /** Answers a query over HTTP. A Worker of older code sends no reader and does not understand rejections. */
  run(reader: Reader | undefined, read: () => QueryResult, now: number): ReadOutcome | string {
    const { isNew } = this.#joins;
    const refused = reader && this.#budgets.readRefusal(reader.source, now);
    if (refused !== undefined) return { refused, text: "", isNew };
    const { text, cost } = read();
    this.#budgets.chargeRead(reader?.source, cost, now);
    return reader === undefined ? text : { refused: null, text, isNew };
  }
}
