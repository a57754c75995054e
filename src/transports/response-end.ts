import type { EventWriter } from "./event-writer.ts";

/** The request that a response of unknown length answers. */
export interface ResponseRequest {
  readonly signal: AbortSignal;
  /**
   * Ends the request and its response at once, even if the reader has not taken everything (`ExecutionContext.abort`).
   * Nothing after the call runs.
   */
  readonly abort: (reason: Error) => void;
  /** The place of the response among those of its source, if they are counted. */
  readonly place: ResponsePlace | undefined;
}

/** A response's place, which it keeps as long as it has heartbeats. */
export interface ResponsePlace {
  beat(now: number): void;
  end(): void;
  cut(now: number): void;
}

/** How long the reader of an ended response may read nothing before it is cut off, in milliseconds. */
const LINGER_MS = 10_000;

/**
 * Ends a response. A response ends only after its reader has read all of it, even if it is closed or aborted (workerd
 * 1.20261117). A reader that stops reading would keep its request in memory without limit, so it is cut off after some time.
 */
export class ResponseEnd {
  readonly #writer: EventWriter;
  readonly #request: ResponseRequest;
  /** Whether the reader has read a chunk since the last check. */
  #isReading = false;

  constructor(writer: EventWriter, request: ResponseRequest) {
    this.#writer = writer;
    this.#request = request;
  }

  /** Notes that the reader has read a chunk. */
  taken(): void {
    this.#isReading = true;
  }

  /** Ends the response after the reader has read everything, or cuts the reader off. */
  begin(): void {
    // The place becomes free when the runtime has accepted everything, because nothing reports when the reader has it.
    this.#writer.end(() => this.#request.place?.end());
    this.#linger();
  }

  /** The runtime drops the timer with the request, so it fires only while the response has not ended. */
  #linger(): void {
    this.#isReading = false;
    setTimeout(() => {
      if (this.#isReading) {
        if (!this.#writer.isIdle) this.#request.place?.beat(Date.now());
        return this.#linger();
      }
      this.#request.place?.cut(Date.now());
      this.#writer.abort();
      this.#request.abort(
        new Error(`the reader of a response that has ended took nothing for ${LINGER_MS} ms`),
      );
    }, LINGER_MS);
  }
}
