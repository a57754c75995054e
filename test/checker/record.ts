/** Something that happened to one member, in the order in which it happened. */
export type Observation =
  /** It connected and stands at an offset; `isRecovered` is false when it was told that messages are missing. */
  | {
      readonly what: "joined";
      readonly epoch: string;
      readonly offset: number;
      readonly isRecovered: boolean;
    }
  /** It saw a recorded message; `id` is the one that the test gave it. */
  | { readonly what: "saw"; readonly offset: number; readonly id: string }
  /** It was told where it stands, past messages that it is not to see. */
  | { readonly what: "moved"; readonly offset: number };

/** An act that a member asked for, and what it was told of it. */
export interface Act {
  readonly by: string;
  readonly id: string;
  /** The offsets that its acks told, one for each ack; none while it has no answer. */
  readonly ackedAt: readonly number[];
  readonly isRefused: boolean;
}

/** Everything that the members of one room asked for and saw, to be judged by {@link check}. */
export class Record {
  readonly #seen = new Map<string, Observation[]>();
  readonly #acts = new Map<string, { by: string; id: string; ackedAt: number[]; isRefused: boolean }>();

  /** Notes that a member publishes a message; `id` is unique in the room and travels in the message. */
  sent(by: string, id: string): void {
    if (this.#acts.has(id)) throw new Error(`the id ${id} was sent before: a test needs unique ones`);
    this.#acts.set(id, { by, id, ackedAt: [], isRefused: false });
  }

  /** Notes an ack. An act that was repeated may get more than one. */
  acked(id: string, offset: number): void {
    this.#act(id).ackedAt.push(offset);
  }

  /** Notes a final refusal. */
  refused(id: string): void {
    this.#act(id).isRefused = true;
  }

  /** Notes what a member observed. */
  observed(member: string, observation: Observation): void {
    const seen = this.#seen.get(member);
    if (seen === undefined) this.#seen.set(member, [observation]);
    else seen.push(observation);
  }

  get acts(): readonly Act[] {
    return [...this.#acts.values()];
  }

  get members(): readonly (readonly [name: string, seen: readonly Observation[]])[] {
    return [...this.#seen];
  }

  #act(id: string): { ackedAt: number[]; isRefused: boolean } {
    const act = this.#acts.get(id);
    if (act === undefined) throw new Error(`nothing with the id ${id} was sent`);
    return act;
  }
}
