import type { Json } from "../../protocol/json.ts";
import type { Acts, Published } from "./acts.ts";
import type { Withdraw } from "./sender.ts";
import { backoffMs } from "../connection/backoff.ts";
import { ParlorError, errorOfFullQueue, errorOfLostReply } from "../error.ts";
import { encodeData } from "./encode.ts";
import { waitFor, type WaitOptions } from "./waiting.ts";
import type { Settings } from "../options.ts";
import type { SharedValue } from "../views/shared-state.ts";
import type { Clock } from "../runtime/timers.ts";

/** Computes a key's new value from the current one. On either side `undefined` means that the key is absent. */
export type Change = (value: Json | undefined) => unknown;

/** The delays after a conflict, in milliseconds. The first is about a round trip. */
const BOUNDS = { minReconnectDelayMs: 50, maxReconnectDelayMs: 2_000 };

/** This many conflicts in a row reject an update. With the delays above that takes about ten seconds. */
const MAX_CONFLICTS = 16;

/** The codes of a set that was dropped because a caller stopped waiting. */
const GIVEN_UP: ReadonlySet<string> = new Set(["aborted", "timeout"]);

interface Update {
  readonly change: Change;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
  /** Whether its caller no longer waits. */
  isOver: boolean;
  /** Whether it is part of the key's set, which has no reply yet. */
  isSet: boolean;
}

/** The updates of a key. */
interface Queue {
  readonly waiting: Update[];
  /** The updates of the key's set, which has no reply yet. */
  doing: Update[];
  /** Drops the key's set. */
  withdraw?: Withdraw;
}

/** A key's value as JSON text, and its version. */
interface Known {
  readonly text: string | undefined;
  readonly version: number;
  /** The newest version of the key that this value includes. */
  readonly asOf: number;
}

/**
 * Compare-and-set with retries (rule T2). Waiting updates of one key are combined in one step. So updates of one client do
 * not conflict with each other, and many calls only make one list longer.
 */
export class Updates {
  readonly #shared: ReadonlyMap<string, SharedValue>;
  readonly #acts: Acts;
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #byKey = new Map<string, Queue>();
  readonly #pauses = new Set<() => void>();

  /** @param settings `maxPendingActs` also limits the waiting updates of a key */
  constructor(
    shared: ReadonlyMap<string, SharedValue>,
    acts: Acts,
    clock: Clock,
    settings: Pick<Settings, "maxPendingActs">,
  ) {
    this.#shared = shared;
    this.#acts = acts;
    this.#clock = clock;
    this.#maxWaiting = settings.maxPendingActs;
  }

  /** See {@link Shared.update}. */
  update(key: string, change: Change, wait: WaitOptions): Promise<Published> {
    return waitFor(wait, this.#clock, (resolve, reject) => {
      const update: Update = { change, resolve, reject, isOver: false, isSet: false };
      const known = this.#byKey.get(key);
      if (known !== undefined && known.waiting.length >= this.#maxWaiting) {
        throw errorOfFullQueue(this.#maxWaiting, "updates");
      }
      const queue: Queue = known ?? { waiting: [], doing: [] };
      queue.waiting.push(update);
      if (known === undefined) {
        this.#byKey.set(key, queue);
        queueMicrotask(() => void this.#work(key, queue)); // Updates of one task are combined in one step.
      }
      return (reason) => {
        update.isOver = true;
        // If the set was never sent, it is dropped, and the other updates in it are set again, without this one.
        const isShared = queue.doing.some(({ isOver }) => !isOver);
        const isInDoubt = update.isSet && queue.withdraw?.(reason, isShared) === true;
        reject(isInDoubt ? errorOfLostReply() : reason);
      };
    });
  }

  /** Ends all waits after conflicts at once: the room is closed, and rejects these updates. */
  end(): void {
    for (const resume of this.#pauses) resume();
  }

  /** Applies the waiting updates of a key, until there are none. */
  async #work(key: string, queue: Queue): Promise<void> {
    const { waiting } = queue;
    let doing: Update[] = [];
    let conflicts = 0;
    let known: Known | undefined;
    for (;;) {
      doing = [...doing, ...waiting.splice(0)].filter(({ isOver }) => !isOver);
      const before = this.#read(key, known);
      const text = apply(doing, before.text);
      if (doing.length + waiting.length === 0) break;
      if (doing.length === 0) continue;
      for (const update of doing) update.isSet = true;
      try {
        const { offset } = await this.#acts.set(
          text === undefined ? {} : { [key]: JSON.parse(text) as Json },
          { if: { [key]: before.version }, delete: text === undefined ? [key] : undefined },
          (withdraw) => {
            queue.doing = doing;
            queue.withdraw = withdraw;
          },
        );
        for (const { resolve } of doing) resolve({ offset });
        // Over SSE and long-poll the reply may arrive before the change itself.
        known = { text, version: text === undefined ? 0 : offset, asOf: offset };
      } catch (error) {
        for (const update of doing) update.isSet = false;
        // Only a caller that gives up drops the set.
        if (doing.some(({ isOver }) => isOver) && error instanceof ParlorError && GIVEN_UP.has(error.code))
          continue;
        const version = error instanceof ParlorError ? error.versions?.[key] : undefined;
        if (version !== undefined && ++conflicts < MAX_CONFLICTS) {
          // This may be the first sign that the room has lost its state.
          known = version === 0 ? { text: undefined, version, asOf: before.version } : undefined;
          await this.#pause(backoffMs(BOUNDS, conflicts - 1, 0, this.#clock.random));
          continue;
        }
        for (const { reject } of doing) reject(error);
      }
      conflicts = 0;
      doing = [];
    }
    this.#byKey.delete(key);
  }

  /** The known value of a key: from the room's last reply, unless a newer change has arrived. */
  #read(key: string, known: Known | undefined): Known {
    const entry = this.#shared.get(key);
    const version = entry?.version ?? 0;
    if (known !== undefined && version <= known.asOf) return known;
    return { text: entry && encodeData(entry.value), version, asOf: version };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        cancel();
        this.#pauses.delete(resume);
        resolve();
      };
      const cancel = this.#clock.startTimer(resume, ms);
      this.#pauses.add(resume);
    });
  }
}

/** Applies changes in order, each to its own copy of the previous result. A change that throws is rejected and left out. */
function apply(updates: Update[], before: string | undefined): string | undefined {
  let text = before;
  for (const update of [...updates]) {
    try {
      const value = update.change(text === undefined ? undefined : (JSON.parse(text) as Json));
      text = value === undefined ? undefined : encodeData(value);
    } catch (error) {
      updates.splice(updates.indexOf(update), 1);
      update.reject(error);
    }
  }
  return text;
}
