import type { Json } from "../protocol/json.ts";
import type { Acts, Published } from "./acts.ts";
import { backoffMs } from "./backoff.ts";
import { ParlorError } from "./error.ts";
import { dataText } from "./frame-texts.ts";
import type { Settings } from "./options.ts";
import type { SharedValue } from "./shared-state.ts";
import type { Clock } from "./timers.ts";

/** Computes a key's new value from the present one. On either side `undefined` stands for a key that is absent. */
export type Change = (value: Json | undefined) => unknown;

/** The waits after a conflict, in milliseconds: about a round trip at first. */
const BOUNDS = { minReconnectDelayMs: 50, maxReconnectDelayMs: 2_000 };

/** So many conflicts in a row reject an update: with the waits above after about ten seconds. */
const MAX_CONFLICTS = 16;

interface Update {
  readonly change: Change;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
}

/** A key's value as JSON text, and its version. */
interface Known {
  readonly text: string | undefined;
  readonly version: number;
  /** The newest version of the key that this is not older than. */
  readonly asOf: number;
}

/**
 * Compare-and-set with retries (rule T2). Updates of one key that wait are done together, in one step: so those of one
 * client do not conflict with one another, and a list of them is all that many calls leave behind.
 */
export class Updates {
  readonly #shared: ReadonlyMap<string, SharedValue>;
  readonly #acts: Acts;
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #byKey = new Map<string, Update[]>();
  readonly #pauses = new Set<() => void>();

  /** @param settings how many updates of a key may wait: as many as acts */
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

  /** See {@link Room.update}. */
  update(key: string, change: Change): Promise<Published> {
    const promise = new Promise<Published>((resolve, reject) => {
      const update = { change, resolve, reject };
      const waiting = this.#byKey.get(key);
      if (waiting === undefined) {
        const first = [update];
        this.#byKey.set(key, first);
        queueMicrotask(() => void this.#work(key, first)); // What is called in one go is done in one step.
      } else if (waiting.length < this.#maxWaiting) waiting.push(update);
      else reject(new ParlorError("outbox_full", `${this.#maxWaiting} acts wait already`));
    });
    promise.catch(() => undefined); // As with other acts, a rejection that nobody handles is not reported.
    return promise;
  }

  /** Lets those that wait after a conflict go on at once: the room is closed, and rejects them. */
  end(): void {
    for (const goOn of this.#pauses) goOn();
  }

  /** Does what waits for a key, until nothing does. */
  async #work(key: string, waiting: Update[]): Promise<void> {
    let doing: Update[] = [];
    let conflicts = 0;
    let told: Known | undefined;
    for (;;) {
      doing.push(...waiting.splice(0));
      const before = this.#read(key, told);
      const text = apply(doing, before.text);
      if (doing.length + waiting.length === 0) break;
      if (doing.length === 0) continue;
      try {
        const { offset } = await this.#set(key, text, before.version);
        for (const { resolve } of doing) resolve({ offset });
        // Over SSE the answer may come before the change itself.
        told = { text, version: text === undefined ? 0 : offset, asOf: offset };
      } catch (error) {
        const version = error instanceof ParlorError ? error.versions?.[key] : undefined;
        if (version !== undefined && ++conflicts < MAX_CONFLICTS) {
          // A room that has forgotten its state says so here first.
          told = version === 0 ? { text: undefined, version, asOf: before.version } : undefined;
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

  /** What is known of a key: what the room's answers have told, unless something newer came since. */
  #read(key: string, told: Known | undefined): Known {
    const entry = this.#shared.get(key);
    const version = entry?.version ?? 0;
    if (told !== undefined && version <= told.asOf) return told;
    return { text: entry && dataText(entry.value), version, asOf: version };
  }

  async #set(key: string, text: string | undefined, version: number): Promise<Published> {
    const isAbsent = text === undefined;
    const values = isAbsent ? {} : { [key]: JSON.parse(text) as Json };
    return this.#acts.set(values, { if: { [key]: version }, ...(isAbsent && { delete: [key] }) });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const goOn = (): void => {
        cancel();
        this.#pauses.delete(goOn);
        resolve();
      };
      const cancel = this.#clock.startTimer(goOn, ms);
      this.#pauses.add(goOn);
    });
  }
}

/** Applies changes one to another's result, each to a value of its own; one that throws is rejected and left out. */
function apply(updates: Update[], before: string | undefined): string | undefined {
  let text = before;
  for (const update of [...updates]) {
    try {
      const value = update.change(text === undefined ? undefined : (JSON.parse(text) as Json));
      text = value === undefined ? undefined : dataText(value);
    } catch (error) {
      updates.splice(updates.indexOf(update), 1);
      update.reject(error);
    }
  }
  return text;
}
