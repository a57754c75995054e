import type { AckFrame } from "../../protocol/frames.ts";
import { ParlorError, errorOfLostReply } from "../error.ts";
import {
  encodeData,
  encodePresence,
  encodePublish,
  encodeSet,
  type EncodedFrame,
  type SetOptions,
} from "./encode.ts";
import type { Settings } from "../options.ts";
import type { Clock } from "../runtime/timers.ts";
import type { ActReply } from "./pending-acts.ts";
import type { Sender, Withdraw } from "./sender.ts";
import { waitFor, type WaitOptions } from "./waiting.ts";

/** The place of a recorded message, or of a change of the shared state, in the room's log. */
export interface Published {
  /** Also the version of the keys that were set. */
  readonly offset: number;
}

/** The addressees of a message. */
export interface Addressees {
  /** 1-64 ids of members that are in the room. @default all members */
  readonly to?: readonly string[] | undefined;
}

/** The addressees of a recorded message, and how long to wait for the room's reply. */
export interface PublishOptions extends Addressees, WaitOptions {}

/** The addressees of a volatile message, and which newer messages may replace it. */
export interface SendOptions extends Addressees {
  /** 1-64 characters. Waiting messages with the same event and key replace each other. @default the same for all */
  readonly key?: string | undefined;
}

/** The caller that waits for an act. */
interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: ParlorError) => void;
}

/** Presence data longer than this in a URL is sent after the welcome, because some proxies reject long URLs. */
const MAX_QUERY_CHARS = 2_000;

/** Turns the application's calls into acts for the sender, and their replies into results of the calls. */
export class Acts {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #onError: (error: ParlorError) => void;
  /** The presence data that the room accepted last, or the data to join with; JSON text. */
  #presence: string | undefined;
  /** The callers that wait for the newest presence act. Its reply settles all of them. */
  #callers: Caller[] = [];
  #end: ParlorError | undefined;
  readonly #viewOnly: ParlorError | undefined;

  /**
   * @param settings the presence data to join with, and whether to watch only
   * @param onError receives the errors that reject no promise
   * @throws ParlorError for presence data that JSON cannot represent
   */
  constructor(
    sender: Sender,
    clock: Clock,
    { presence, view }: Pick<Settings, "presence" | "view">,
    onError: (error: ParlorError) => void,
  ) {
    this.#sender = sender;
    this.#clock = clock;
    this.#onError = onError;
    if (view)
      this.#viewOnly = new ParlorError(
        "view_only",
        "this connection only watches; join without the option view to act",
      );
    else if (presence !== undefined) this.#presence = encodeData(presence);
  }

  /** The presence data to send with a join, because the room may have lost it. */
  get joinPresence(): string | undefined {
    return this.#isShort ? this.#presence : undefined;
  }

  /** Whether the room is closed. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Why acts are rejected now; `undefined` if they are not. */
  get refusal(): ParlorError | undefined {
    return this.#end ?? this.#viewOnly;
  }

  /** See {@link Room.publish}. */
  publish(event: string, data: unknown, { to, ...wait }: PublishOptions): Promise<Published> {
    return this.#record(wait, () => encodePublish(event, data, { to }));
  }

  /**
   * See {@link Shared.set}.
   *
   * @param onAdded receives the function that withdraws the act
   */
  set(values: object, options: SetOptions, onAdded?: (withdraw: Withdraw) => void): Promise<Published> {
    return this.#record(options, () => encodeSet(values, options), onAdded);
  }

  /** Requests a page of history. Watching clients may do that. */
  read(wait: WaitOptions, frame: EncodedFrame): Promise<ActReply> {
    return waitFor(wait, this.#clock, (resolve, reject) => {
      if (this.#end !== undefined) throw this.#end;
      return this.#sender.add({ ...frame, isRead: true, resolve, reject });
    });
  }

  /** See {@link Room.setPresence}. */
  setPresence(data: unknown, wait: WaitOptions): Promise<void> {
    return waitFor(wait, this.#clock, (resolve, reject) => {
      this.#check();
      this.#claim(encodeData(data), { resolve, reject });
      // The data is still sent, because callers with older data wait for it.
      return () => reject(errorOfLostReply());
    });
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

  /** Sends the presence data after a welcome if it was too long for the join. */
  welcomed(): void {
    if (this.#presence === undefined || this.#isShort || this.#callers.length > 0) return;
    this.#claim(this.#presence, { resolve: () => undefined, reject: this.#onError });
  }

  /** Rejects all waiting and all future acts. */
  end(error: ParlorError): void {
    this.#end = error;
    this.#sender.end(error);
  }

  get #isShort(): boolean {
    return encodeURIComponent(this.#presence ?? "").length <= MAX_QUERY_CHARS;
  }

  #claim(text: string, caller: Caller): void {
    const frame = encodePresence(text);
    this.#callers.push(caller);
    this.#sender.add({
      ...frame,
      isPresence: true,
      resolve: () => {
        this.#presence = text;
        for (const { resolve } of this.#takeCallers()) resolve();
      },
      reject: (error) => {
        for (const { reject } of this.#takeCallers()) reject(error);
      },
    });
  }

  #takeCallers(): readonly Caller[] {
    const callers = this.#callers;
    this.#callers = [];
    return callers;
  }

  #record(
    wait: WaitOptions,
    write: () => EncodedFrame,
    onAdded?: (withdraw: Withdraw) => void,
  ): Promise<Published> {
    return waitFor(wait, this.#clock, (resolve, reject) => {
      this.#check();
      const withdraw = this.#sender.add({
        ...write(),
        resolve: (reply) => resolve({ offset: (reply as AckFrame).offset ?? 0 }),
        reject,
      });
      onAdded?.(withdraw);
      return withdraw;
    });
  }

  #check(): void {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
  }
}
