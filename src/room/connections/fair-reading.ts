/** The window in which frames are counted, in milliseconds. Much longer than a flush, which takes 10 ms for 110 members. */
const WINDOW_MS = 50;

/** The frames of one connection in a window that are not counted: 80 a second, more than a game sends. */
const FREE_FRAMES = 4;

/** This many counted frames make the room let the other connections have a turn: 2 ms of its thread. */
const MAX_FRAMES = 24;

/**
 * Gives every connection a turn while some send faster than the room reads.
 *
 * workerd continues to read a socket that has data without checking the others, and without running timers, until no event
 * is left (1.20261117). Ten flooding clients delayed the messages of the others by up to 0.9 s in this way. While the input gate
 * is closed, at most one frame of each connection waits at the input gate. The runtime then checks all sockets and timers, and
 * the waiting frames are handled in the order of their arrival.
 */
export class FairReading<Connection> {
  readonly #closeGate: (untilOpen: () => Promise<void>) => void;
  readonly #opened: () => void;
  readonly #received = new Map<Connection, number>();
  #windowAt = 0;
  #counted = 0;
  #isPaused = false;

  /**
   * @param closeGate keeps all events of the object waiting until the promise is fulfilled
   * @param opened called at the end of each pause, before any waiting event
   */
  constructor(closeGate: (untilOpen: () => Promise<void>) => void, opened: () => void) {
    this.#closeGate = closeGate;
    this.#opened = opened;
  }

  /** Counts a received frame. Frames of a connection that has ended count as well, because reading them takes as long. */
  received(connection: Connection, now: number): void {
    if (now - this.#windowAt > WINDOW_MS || now < this.#windowAt) {
      this.#windowAt = now;
      this.#received.clear();
      this.#counted = 0;
    }
    const frames = (this.#received.get(connection) ?? 0) + 1;
    this.#received.set(connection, frames);
    if (frames <= FREE_FRAMES || ++this.#counted < MAX_FRAMES || this.#isPaused) return;
    this.#isPaused = true;
    this.#closeGate(async () => {
      // A timer, because only waiting for one makes the runtime check the sockets.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#isPaused = false;
      this.#counted = 0;
      this.#opened();
    });
  }
}
