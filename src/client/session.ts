import type { PresenceMode } from "../protocol/contract.ts";
import type { ServerFrame, WelcomeFrame } from "../protocol/frames.ts";
import { Acts, type Addressees, type Published, type SendOptions } from "./sending/acts.ts";
import {
  makeConnection,
  step,
  type Connection,
  type ConnectionEvent,
  type ConnectionStatus,
  type Effect,
} from "./connection/connection.ts";
import type { Dialers } from "./transports/dialers.ts";
import { Emitter } from "./runtime/emitter.ts";
import type { Environment } from "./runtime/environment.ts";
import { ParlorError, errorOfFrame } from "./error.ts";
import type { RoomEvents } from "./views/events.ts";
import type { SetOptions } from "./sending/encode.ts";
import { Link, type LinkListener } from "./connection/link.ts";
import type { Member } from "./views/members.ts";
import { drawKey, type Settings } from "./options.ts";
import { PendingActs } from "./sending/pending-acts.ts";
import { recoveryOf } from "./recovery.ts";
import { Renewal, isOfRenewal } from "./connection/token-renewal.ts";
import { Replica } from "./views/replica.ts";
import type { Room } from "./room.ts";
import { Sender } from "./sending/sender.ts";
import type { SharedValue } from "./views/shared-state.ts";
import { betterTransports } from "./connection/transport-fallback.ts";
import { Timers } from "./runtime/timers.ts";
import type { Target, TransportName } from "./transports/transport.ts";
import { Updates, type Change } from "./sending/updates.ts";

/** How long to wait for the room to process a leave, in milliseconds. Then the client closes the connection anyway. */
const LEAVE_TIMEOUT_MS = 2_000;

/**
 * The client's side of a membership. It performs the effects of the connection's state machine, and passes the room's frames
 * to the modules that handle them. Applications see it as a {@link Room}.
 */
export class Session implements Room {
  readonly key: string;
  readonly #address: string;
  readonly #settings: Settings;
  readonly #dialers: Dialers;
  readonly #environment: Environment;
  readonly #emitter: Emitter<RoomEvents>;
  readonly #timers: Timers;
  readonly #replica: Replica;
  readonly #renewal: Renewal;
  readonly #sender: Sender;
  readonly #acts: Acts;
  readonly #updates: Updates;
  readonly #unwatch: () => void;
  /** Identifies the server and the order of transports, to remember which transport worked. */
  readonly #memoryKey: string;
  #connection: Connection;
  /** The number of the last attempt (rule J11), or of a newer one that the room has reported. */
  #attempt: number;
  #link: Link | undefined;
  /** Ends the search for a better transport. */
  #stopSeeking: (() => void) | undefined;

  /** Starts to join at once, unless the option `autoConnect` is false. */
  constructor(address: string, settings: Settings, dialers: Dialers, environment: Environment) {
    this.key = settings.key;
    this.#address = address;
    this.#settings = settings;
    this.#dialers = dialers;
    this.#environment = environment;
    this.#emitter = new Emitter(environment.report);
    this.#timers = new Timers(environment);
    this.#renewal = new Renewal(settings.getToken, this.#timers);
    this.#replica = new Replica(settings, (type, event) => this.#emit(type, event));
    const pendingActs = new PendingActs(settings.maxPendingActs);
    this.#sender = new Sender(pendingActs, environment, this.#timers, settings);
    this.#acts = new Acts(pendingActs, this.#sender, settings, (error) => this.#emit("error", error));
    this.#updates = new Updates(this.#replica.shared.byKey, this.#acts, environment, settings);
    this.#memoryKey = `${address.split("/", 3).join("/")} ${settings.transports.join()}`;
    this.#connection = makeConnection(settings.transports, environment.worked.get(this.#memoryKey));
    this.#attempt = environment.unixNow();
    const watch = settings.lifecycle ?? environment.watch;
    this.#unwatch = watch({
      wake: () => {
        this.#step({ type: "wake" });
        this.#link?.ping();
      },
      check: () => this.#link?.ping(),
    });
    if (settings.autoConnect) this.connect();
  }

  get connection(): ConnectionStatus {
    return this.#connection.status;
  }

  get transport(): TransportName | undefined {
    return this.connection.transport;
  }

  get self(): string | undefined {
    return this.#replica.self;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#replica.members.byId;
  }

  get count(): number {
    return this.#replica.members.count;
  }

  get mode(): PresenceMode {
    return this.#replica.members.mode;
  }

  get shared(): ReadonlyMap<string, SharedValue> {
    return this.#replica.shared.byKey;
  }

  get position(): string | undefined {
    return this.#replica.cursor.position;
  }

  get rttMs(): number | undefined {
    return this.#link?.rttMs;
  }

  get lagMs(): number | undefined {
    return this.#link?.lagMs;
  }

  connect(): void {
    this.#step({ type: "connect" });
  }

  reconnect(): void {
    this.#step({ type: "reconnect" });
  }

  on<Type extends keyof RoomEvents>(type: Type, listener: (event: RoomEvents[Type]) => void): () => void {
    return this.#emitter.on(type, listener);
  }

  publish(event: string, data: unknown, options: Addressees = {}): Promise<Published> {
    return this.#acts.publish(event, data, options);
  }

  set(values: Readonly<Record<string, unknown>>, options: SetOptions = {}): Promise<Published> {
    return this.#acts.set(values, options);
  }

  update(key: string, change: Change): Promise<Published> {
    return this.#updates.update(key, change);
  }

  send(event: string, data: unknown, options: SendOptions = {}): void {
    this.#acts.send(event, data, options);
  }

  setPresence(data: unknown): Promise<void> {
    return this.#acts.setPresence(data);
  }

  async leave(): Promise<void> {
    const link = this.#isOpen ? this.#link : undefined;
    if (link === undefined) return this.close();
    this.#sender.flush();
    this.#link = undefined; // so that it is not closed before the room has processed the leave
    const left = link.leave();
    this.#step({ type: "closed", reason: "left" });
    this.#timers.set("leave", LEAVE_TIMEOUT_MS, () => link.close(true));
    await left;
    this.#timers.clear("leave");
    link.close(true);
  }

  close(): void {
    this.#step({ type: "closed", reason: "closed" });
  }

  get #isOpen(): boolean {
    return this.connection.state === "open";
  }

  #step(event: ConnectionEvent): void {
    const context = {
      now: this.#environment.now(),
      unixNow: this.#environment.unixNow(),
      random: this.#environment.random,
      bounds: this.#settings,
    };
    const [next, effects] = step(this.#connection, event, context);
    this.#connection = next;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "dial":
        return this.#dial(effect.transport);
      case "hang up":
        this.#link?.close(effect.forGood);
        return this.#unlink();
      case "timer":
        if (effect.ms === undefined) return this.#timers.clear("attempt");
        return this.#timers.set("attempt", effect.ms, () => this.#step({ type: "due" }));
      case "tell":
        return this.#notify();
      default:
        return effect satisfies never;
    }
  }

  #dial(name: TransportName): void {
    this.#attempt = Math.min(this.#attempt + 1, Number.MAX_SAFE_INTEGER);
    const listener: LinkListener = {
      onFrame: (frame) => this.#receive(frame),
      onPosition: (position) => this.#replica.position(position),
      onRead: (chars) => this.#sender.read(chars),
      onReady: () => this.#sender.flush(),
      onEnd: (end) => {
        this.#unlink();
        this.#step({ type: "ended", end });
      },
      onSilence: (silentMs) => this.#step({ type: "lost", reason: `no data for ${silentMs} ms`, silentMs }),
    };
    this.#link = new Link(
      name,
      this.#dialers[name],
      {
        ...this.#target,
        rewind: this.#settings.rewind,
        after: this.position,
        presence: this.#acts.joinPresence,
        roster: this.#replica.members.roster,
        // Without a position the room sends the state anyway.
        state: this.position !== undefined && !this.#replica.shared.isKnown,
      },
      { listener, clock: this.#environment, timers: this.#timers },
    );
  }

  get #target(): Target {
    const { key, mode, view } = this.#settings;
    return { room: this.#address, key, attempt: this.#attempt, mode, view };
  }

  #unlink(): void {
    this.#stopSeeking?.();
    this.#stopSeeking = undefined;
    this.#renewal.stop();
    this.#link = undefined;
    this.#sender.detach();
  }

  #notify(): void {
    const { connection } = this;
    const isClosed = connection.state === "closed";
    if (isClosed) {
      this.#unwatch();
      this.#acts.end(connection.error ?? new ParlorError("closed", connection.reason ?? ""));
      this.#updates.end();
    }
    this.#emit("connection", connection);
    if (isClosed) {
      this.#emit("closed", connection);
      this.#emitter.end();
    }
  }

  #receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "message":
        return this.#replica.message(frame);
      case "state":
        return this.#replica.state(frame);
      case "presence":
        return this.#replica.presence(frame);
      case "position":
        return this.#replica.position(frame.position);
      case "ack":
        this.#renewal.schedule(this.#link, frame.expiresInMs);
        return this.#sender.acknowledged(frame);
      case "error":
        this.#attempt = Math.max(this.#attempt, frame.try ?? 0);
        if (!this.#isOpen) return this.#step({ type: "refused", error: frame });
        if (isOfRenewal(frame)) this.#renewal.refused(this.#link, frame);
        else this.#sender.refused(frame);
        if (frame.ref === undefined) this.#emit("error", errorOfFrame(frame));
        if (frame.code === "superseded") this.#step({ type: "replaced", reason: frame.message });
        // After a failed renewal the old token is still valid.
        else if (recoveryOf(frame) === "reconnect" && !isOfRenewal(frame))
          this.#step({ type: "lost", reason: frame.message });
        return;
      case "expiring":
        return this.#renewal.schedule(this.#link, frame.expiresInMs);
      case "pong": // handled by the link
      case "close": // handled by the transport
      case "history": // never requested by this client
        return;
      default:
        frame satisfies never; // a frame of a newer server is ignored (rule F2)
    }
  }

  #welcome(welcome: WelcomeFrame): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#attempt = Math.max(this.#attempt, welcome.try ?? 0);
    const emitWelcome = this.#replica.welcomed(welcome);
    link.welcomed(welcome, this.#settings.pingTimeoutMs);
    this.#sender.attach(link, welcome);
    this.#acts.welcomed();
    this.#renewal.schedule(link, welcome.expiresInMs);
    this.#environment.worked.set(this.#memoryKey, link.name);
    this.#seekBetter(link);
    this.#step({ type: "welcomed" });
    emitWelcome();
  }

  /** Looks for a better transport while this link is in use. If the code for that cannot be loaded, the link stays. */
  #seekBetter(link: Link): void {
    const names = betterTransports(this.#connection.fallback);
    if (names.length === 0) return;
    import("./connection/upgrade.ts").then(
      ({ seekBetter }) => {
        if (this.#link !== link) return;
        this.#stopSeeking = seekBetter({
          names,
          dialers: this.#dialers,
          target: () => ({ ...this.#target, key: drawKey(this.#settings), view: true }),
          clock: this.#environment,
          onFound: (transport) => this.#step({ type: "upgrade", transport }),
        });
      },
      () => undefined,
    );
  }

  /** Calls the listeners, unless there is no event. */
  #emit<Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type] | undefined): void {
    if (event !== undefined) this.#emitter.emit(type, event);
  }
}
