/**
 * Decides which pages may use the server, by a list of origins such as `https://app.example.com, https://*.example.com`.
 * An empty list allows every origin. A `*` matches one or more labels of a host name.
 */
export class Origins {
  readonly #patterns: readonly RegExp[];

  /** @param list origins separated by commas */
  constructor(list: string) {
    const origins = list.split(",").map((text) => text.trim());
    this.#patterns = origins.filter((text) => text !== "").map(patternOf);
  }

  /** Whether a request with this header `Origin` is allowed. Clients outside browsers send no such header. */
  allows(origin: string | null): boolean {
    return origin === null || this.#patterns.length === 0 || this.#patterns.some((each) => each.test(origin));
  }

  /** Returns the value of `Access-Control-Allow-Origin`, or `undefined` if the page is not allowed to read the response. */
  shared(origin: string): string | undefined {
    if (this.#patterns.length === 0) return "*";
    return this.allows(origin) ? origin : undefined;
  }
}

function patternOf(origin: string): RegExp {
  const escaped = origin.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("\\*", "[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*")}$`, "i");
}
