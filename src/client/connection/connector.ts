import type { ErrorFrame, WelcomeFrame } from "../../protocol/frames.ts";
import { drawKey, type Settings } from "../options.ts";
import type { Environment } from "../runtime/environment.ts";
import type { Timers } from "../runtime/timers.ts";
import type { Dialers } from "../transports/dialers.ts";
import type { Target, TransportName } from "../transports/transport.ts";
import {
  makeConnection,
  step,
  type Connection,
  type ConnectionEvent,
  type ConnectionStatus,
  type Effect,
} from "./connection.ts";
import { Link, type LinkListener } from "./link.ts";
import { Renewal } from "./token-renewal.ts";
import { betterTransports } from "./transport-fallback.ts";

/** How long to wait for the room to process a leave, in milliseconds. Then the client closes the connection anyway. */
const LEAVE_TIMEOUT_MS = 2_000;

/** What a {@link Connector} asks for and reports. */
export interface ConnectorListener extends Omit<LinkListener, "onEnd" | "onSilence"> {
  /** What the client has of the room already, and brings to it: a part of each join. */
  readonly known: () => Partial<Target>;
  /** The link is gone. */
  onDetached(): void;
  onStatus(status: ConnectionStatus): void;
}

/** The dependencies of a connector. */
export interface ConnectorContext {
  readonly dialers: Dialers;
  readonly environment: Environment;
  readonly timers: Timers;
  readonly listener: ConnectorListener;
}

/** Keeps a room connected: it performs the effects of the state machine of its connection. */
export class Connector {
  /** The connection that is opened or in use. */
  link: Link | undefined;
  readonly #address: string;
  readonly #settings: Settings;
  readonly #dialers: Dialers;
  readonly #environment: Environment;
  readonly #timers: Timers;
  readonly #listener: ConnectorListener;
  readonly #renewal: Renewal;
  readonly #unwatch: () => void;
  /** Identifies the server and the order of transports, to remember which transport worked. */
  readonly #memoryKey: string;
  #connection: Connection;
  /** The number of the last attempt (rule J11), or of a newer one that the room has reported. */
  #attempt: number;
  /** Ends the search for a better transport. */
  #stopSeeking: (() => void) | undefined;

  constructor(
    address: string,
    settings: Settings,
    { dialers, environment, timers, listener }: ConnectorContext,
  ) {
    this.#address = address;
    this.#settings = settings;
    this.#dialers = dialers;
    this.#environment = environment;
    this.#timers = timers;
    this.#listener = listener;
    this.#renewal = new Renewal(settings.getToken, timers);
    this.#memoryKey = `${address.split("/", 3).join("/")} ${settings.transports.join()}`;
    this.#connection = makeConnection(settings.transports, environment.worked.get(this.#memoryKey));
    this.#attempt = environment.unixNow();
    const watch = settings.lifecycle ?? environment.watch;
    this.#unwatch = watch({
      wake: () => {
        this.step({ type: "wake" });
        this.link?.ping();
      },
      check: () => this.link?.ping(),
    });
  }

  get status(): ConnectionStatus {
    return this.#connection.status;
  }

  get isOpen(): boolean {
    return this.status.state === "open";
  }

  /** Something happened to the connection. */
  step(event: ConnectionEvent): void {
    const [next, effects] = step(this.#connection, event, {
      now: this.#environment.now(),
      unixNow: this.#environment.unixNow(),
      random: this.#environment.random,
      bounds: this.#settings,
    });
    this.#connection = next;
    for (const effect of effects) this.#perform(effect);
  }

  /** The link is in use, with the values of its welcome. */
  welcomed(link: Link, welcome: WelcomeFrame): void {
    link.welcomed(welcome, this.#settings.pingTimeoutMs);
    this.#environment.worked.set(this.#memoryKey, link.name);
    this.#seekBetter(link);
    this.step({ type: "welcomed" });
  }

  /** The room has rejected something. Returns whether that was a new token, which this handles. */
  renewalRefused(error: ErrorFrame): boolean {
    return this.#renewal.refused(this.link, error);
  }

  /** See {@link Room.leave}. */
  async leave(): Promise<void> {
    const { link } = this;
    if (link === undefined || !this.isOpen)
      return this.step({ type: "closed", reason: "you closed the room" });
    this.link = undefined; // so that it is not closed before the room has processed the leave
    const left = link.leave();
    this.step({ type: "closed", reason: "you left the room" });
    // After the timeout, `close` aborts the request of the leave. An aborted request does not settle in every runtime, so this
    // does not wait for it.
    await new Promise<void>((resolve) => {
      const stop = this.#environment.startTimer(resolve, LEAVE_TIMEOUT_MS);
      void left.then(() => {
        stop();
        resolve();
      });
    });
    link.close(true);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "dial":
        return this.#dial(effect.transport);
      case "hang up":
        this.link?.close(effect.forGood);
        return this.#unlink();
      case "timer":
        if (effect.ms === undefined) return this.#timers.clear("attempt");
        return this.#timers.set("attempt", effect.ms, () => this.step({ type: "due" }));
      case "notify":
        if (this.status.state === "closed") this.#unwatch();
        return this.#listener.onStatus(this.status);
      default:
        return effect satisfies never;
    }
  }

  #dial(name: TransportName): void {
    this.#attempt = Math.min(this.#attempt + 1, Number.MAX_SAFE_INTEGER);
    const listener: LinkListener = {
      ...this.#listener,
      onFrame: (frame) => {
        if ("try" in frame) this.#attempt = Math.max(this.#attempt, frame.try ?? 0);
        if ("expiresInMs" in frame) this.#renewal.schedule(this.link, frame.expiresInMs);
        this.#listener.onFrame(frame);
      },
      onEnd: (end) => {
        this.#unlink();
        this.step({ type: "ended", end });
      },
      onSilence: (silentMs) => this.step({ type: "lost", reason: `no data for ${silentMs} ms`, silentMs }),
    };
    const target = { ...this.#target, ...this.#listener.known() };
    this.link = new Link(name, this.#dialers[name], target, {
      listener,
      clock: this.#environment,
      timers: this.#timers,
    });
  }

  get #target(): Target {
    const { key, mode, view } = this.#settings;
    return { room: this.#address, key, attempt: this.#attempt, mode, view };
  }

  #unlink(): void {
    this.#stopSeeking?.();
    this.#stopSeeking = undefined;
    this.#renewal.stop();
    this.link = undefined;
    this.#listener.onDetached();
  }

  /** Looks for a better transport while this link is in use. If the code for that cannot be loaded, the link stays. */
  #seekBetter(link: Link): void {
    const names = betterTransports(this.#connection.fallback);
    if (names.length === 0) return;
    import("./upgrade.ts").then(
      ({ seekBetter }) => {
        if (this.link !== link) return;
        this.#stopSeeking = seekBetter({
          names,
          dialers: this.#dialers,
          target: () => ({ ...this.#target, key: drawKey(this.#settings), view: true }),
          clock: this.#environment,
          onFound: (transport) => this.step({ type: "upgrade", transport }),
        });
      },
      () => undefined,
    );
  }
}
