/** What one member observed. A member's observations are kept in order. */
export type Observation =
  /** It connected at an offset. `isRecovered` is false if the server reported that messages are missing. */
  | {
      readonly what: "joined";
      readonly epoch: string;
      readonly offset: number;
      readonly isRecovered: boolean;
    }
  /** It saw a recorded message, with the id that the test gave it. */
  | { readonly what: "saw"; readonly offset: number; readonly id: string }
  /** The server moved its position past messages that it must not see. */
  | { readonly what: "moved"; readonly offset: number };

/** An act that a member sent, and the replies to it. */
export interface Act {
  readonly by: string;
  readonly id: string;
  /** The offsets in its acks, one for each ack. Empty until the first reply. */
  readonly ackedAt: readonly number[];
  readonly isRefused: boolean;
}

/** Everything that the members of one room sent and saw, for {@link check} to verify. */
export class Record {
  readonly #seen = new Map<string, Observation[]>();
  readonly #acts = new Map<string, { by: string; id: string; ackedAt: number[]; isRefused: boolean }>();

  /** Records that a member publishes a message. Its `id` is unique in the room and is part of the message. */
  sent(by: string, id: string): void {
    if (this.#acts.has(id)) throw new Error(`the id ${id} was sent before; use unique ids`);
    this.#acts.set(id, { by, id, ackedAt: [], isRefused: false });
  }

  /** Records an ack. An act that was retried can have several. */
  acked(id: string, offset: number): void {
    this.#act(id).ackedAt.push(offset);
  }

  /** Records a final rejection. */
  refused(id: string): void {
    this.#act(id).isRefused = true;
  }

  /** Records what a member observed. */
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
    if (act === undefined) throw new Error(`no act with the id ${id} was sent`);
    return act;
  }
}
