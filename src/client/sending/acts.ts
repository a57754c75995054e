import { ParlorError } from "../error.ts";
import {
  encodeData,
  encodePresence,
  encodePublish,
  encodeSet,
  type EncodedFrame,
  type SetOptions,
} from "./encode.ts";
import type { Settings } from "../options.ts";
import type { PendingActs } from "./pending-acts.ts";
import type { Sender } from "./sender.ts";

/** Where a recorded message, or a change of the shared state, is in the room's log. */
export interface Published {
  /** Also the version of the keys that were set. */
  readonly offset: number;
}

/** Whom a message is for. */
export interface Addressees {
  /** 1-64 ids of members that are in the room. @default everyone */
  readonly to?: readonly string[] | undefined;
}

/** Whom a volatile message is for, and what may stand for it. */
export interface SendOptions extends Addressees {
  /** 1-64 characters: which messages of this event may stand for one another. @default one for all without a key */
  readonly key?: string | undefined;
}

/** The caller that waits for an act. */
interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: ParlorError) => void;
}

/** The slot of presence acts: only the newest counts. */
const PRESENCE = "presence";

/** Presence data longer than this, as it stands in a URL, is sent after the welcome; some proxies refuse long URLs. */
const MAX_QUERY_CHARS = 2_000;

/** What a member does in a room: the application's words become acts that the sender brings out. */
export class Acts {
  readonly #pendingActs: PendingActs;
  readonly #sender: Sender;
  readonly #onError: (error: ParlorError) => void;
  /** The presence data that the room has last taken, or is joined with; JSON text. */
  #presence: string | undefined;
  /** The callers that wait for the newest presence act. Its answer settles all earlier ones, however many there are. */
  #callers: Caller[] = [];
  #end: ParlorError | undefined;
  readonly #viewOnly: ParlorError | undefined;

  /**
   * @param settings the presence data to join with, and whether to watch only
   * @param onError is told of errors that no promise is rejected with
   * @throws ParlorError for presence data that JSON cannot carry
   */
  constructor(
    pendingActs: PendingActs,
    sender: Sender,
    { presence, view }: Pick<Settings, "presence" | "view">,
    onError: (error: ParlorError) => void,
  ) {
    this.#pendingActs = pendingActs;
    this.#sender = sender;
    this.#onError = onError;
    if (view)
      this.#end = this.#viewOnly = new ParlorError(
        "view_only",
        "this connection only watches; join without the option view to act",
      );
    else if (presence !== undefined) this.#presence = encodeData(presence);
  }

  /** The presence data to bring along to a join; a room may have forgotten it. */
  get joinPresence(): string | undefined {
    return this.#isShort ? this.#presence : undefined;
  }

  /** See {@link Room.publish}. */
  publish(event: string, data: unknown, { to }: Addressees): Promise<Published> {
    return this.#record(() => encodePublish(event, data, { to }));
  }

  /** See {@link Room.set}. */
  set(values: object, options: SetOptions): Promise<Published> {
    return this.#record(() => encodeSet(values, options));
  }

  /** See {@link Room.setPresence}. */
  setPresence(data: unknown): Promise<void> {
    return this.#promise((resolve, reject) => this.#claim(encodeData(data), { resolve, reject }));
  }

  /** See {@link Room.send}. */
  send(event: string, data: unknown, { key, to }: SendOptions): void {
    try {
      if (this.#viewOnly !== undefined) throw this.#viewOnly;
      const name = JSON.stringify([event, key, to]);
      this.#sender.sendVolatile(name, encodePublish(event, data, { volatile: true, key, to }));
    } catch (error) {
      if (error instanceof ParlorError) this.#onError(error);
    }
  }

  /** Says after a welcome what could not be said in the join. */
  welcomed(): void {
    if (this.#presence === undefined || this.#isShort || this.#pendingActs.inSlot(PRESENCE) !== undefined)
      return;
    this.#claim(this.#presence, { resolve: () => undefined, reject: this.#onError });
  }

  /** Rejects what waits, and whatever comes. */
  end(error: ParlorError): void {
    this.#end = error;
    this.#pendingActs.refuseAll(error);
  }

  get #isShort(): boolean {
    return encodeURIComponent(this.#presence ?? "").length <= MAX_QUERY_CHARS;
  }

  #claim(text: string, caller: Caller): void {
    const frame = encodePresence(text);
    this.#callers.push(caller);
    this.#pendingActs.add({
      ...frame,
      slot: PRESENCE,
      resolve: () => {
        this.#presence = text;
        for (const { resolve } of this.#takeCallers()) resolve();
      },
      reject: (error) => {
        for (const { reject } of this.#takeCallers()) reject(error);
      },
    });
    this.#sender.schedule();
  }

  #takeCallers(): readonly Caller[] {
    const callers = this.#callers;
    this.#callers = [];
    return callers;
  }

  #record(write: () => EncodedFrame): Promise<Published> {
    return this.#promise((resolve, reject) => {
      this.#pendingActs.add({ ...write(), resolve: (offset = 0) => resolve({ offset }), reject });
    });
  }

  #promise<Value>(
    act: (resolve: (value: Value) => void, reject: (error: ParlorError) => void) => void,
  ): Promise<Value> {
    const promise = new Promise<Value>((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      act(resolve, reject);
      this.#sender.schedule();
    });
    // An application may leave an act to itself; its rejection is then no unhandled one.
    promise.catch(() => undefined);
    return promise;
  }
}
