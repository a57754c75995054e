import { hashOf } from "../log/hash.ts";

/** What other members see of a member. */
interface Listed {
  readonly id: string;
  readonly user: string;
  readonly info: string | undefined;
  readonly data: string | undefined;
}

/** The seeds of the two hashes, which have 64 bits together. */
const SEEDS = [0, 1] as const;

/**
 * Names a list of members by its contents, whatever its order. It is updated with each change, without reading the whole list.
 */
export class Fingerprint {
  readonly #sums: [number, number] = [0, 0];

  get text(): string {
    return this.#sums.map((sum) => sum.toString(36)).join(".");
  }

  add(member: Listed): void {
    this.#change(member, 1);
  }

  remove(member: Listed): void {
    this.#change(member, -1);
  }

  #change({ id, user, info, data }: Listed, sign: 1 | -1): void {
    const text = JSON.stringify([id, user, info, data]);
    for (const [index, seed] of SEEDS.entries()) {
      this.#sums[index] = ((this.#sums[index] ?? 0) + sign * hashOf(text, seed)) >>> 0;
    }
  }
}
