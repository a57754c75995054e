/**
 * Which origins' pages may use the server: those of a list such as `https://app.example.com, https://*.example.com`, or
 * all where the list is empty. A `*` stands for one or more labels of a host's name.
 */
export class Origins {
  readonly #patterns: readonly RegExp[];

  /** @param list origins separated by commas */
  constructor(list: string) {
    const origins = list.split(",").map((text) => text.trim());
    this.#patterns = origins.filter((text) => text !== "").map(patternOf);
  }

  /** Whether a request with this header `Origin` may go on. Clients that are no page send none. */
  allows(origin: string | null): boolean {
    return origin === null || this.#patterns.length === 0 || this.#patterns.some((each) => each.test(origin));
  }

  /** What to answer a page in `Access-Control-Allow-Origin`; `undefined` for one that may not read the answer. */
  shared(origin: string): string | undefined {
    if (this.#patterns.length === 0) return "*";
    return this.allows(origin) ? origin : undefined;
  }
}

function patternOf(origin: string): RegExp {
  const escaped = origin.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("\\*", "[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*")}$`, "i");
}
