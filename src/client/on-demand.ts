import type { Json } from "../protocol/json.ts";
import type { Settings } from "./options.ts";
import { readHistory, type HistoryOptions } from "./sending/history.ts";
import { Requests, type RequestContext, type RequestOptions } from "./sending/requests.ts";
import { Updates, type Change } from "./sending/updates.ts";
import type { Published } from "./sending/acts.ts";
import type { WaitOptions } from "./sending/waiting.ts";
import type { RoomMessage } from "./views/events.ts";
import { eachMessage } from "./views/messages.ts";

/** The parts of a room that these calls use. */
export interface OnDemandContext extends RequestContext {
  readonly settings: Settings;
}

/** The calls of a room that many pages never use. The client loads this file when the first of them is called. */
export class OnDemand {
  readonly #context: OnDemandContext;
  readonly #updates: Updates;
  readonly #requests: Requests;

  constructor(context: OnDemandContext) {
    const { replica, acts, clock, settings, on } = context;
    this.#context = context;
    this.#updates = new Updates(replica.shared.byKey, acts, clock, settings);
    this.#requests = new Requests(context);
    on("closed", () => this.#updates.end());
  }

  update(key: string, change: Change, wait: WaitOptions): Promise<Published> {
    return this.#updates.update(key, change, wait);
  }

  history(options: HistoryOptions): AsyncGenerator<RoomMessage, void, undefined> {
    return readHistory(this.#context.acts, this.#context.clock, options);
  }

  messages(
    waiting: RoomMessage[],
    stop: () => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RoomMessage, void, undefined> {
    const { acts, on } = this.#context;
    return eachMessage({ waiting, stop, isClosed: acts.isOver, on }, signal);
  }

  request(member: string, event: string, data: unknown, options: RequestOptions): Promise<Json> {
    return this.#requests.request(member, event, data, options);
  }

  /** A request or a reply has arrived. */
  receive(message: RoomMessage): void {
    this.#requests.receive(message);
  }
}
