import type { PresenceMode } from "../protocol/contract.ts";
import type { ServerFrame, WelcomeFrame } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";
import { Acts, type Published, type PublishOptions, type SendOptions } from "./sending/acts.ts";
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
import type { Pending, RoomEvents, RoomMessage } from "./views/events.ts";
import type { HistoryOptions } from "./sending/history.ts";
import { lazy } from "./runtime/lazy.ts";
import { Link, type LinkListener } from "./connection/link.ts";
import type { LiveView } from "./views/live-map.ts";
import type { Member } from "./views/members.ts";
import type { OnDemand } from "./on-demand.ts";
import { drawKey, type Settings } from "./options.ts";
import { PendingActs } from "./sending/pending-acts.ts";
import { recoveryOf } from "./recovery.ts";
import { Renewal, isOfRenewal } from "./connection/token-renewal.ts";
import { Replica } from "./views/replica.ts";
import type { Handler, RequestOptions } from "./sending/requests.ts";
import type { Room, Shared } from "./room.ts";
import { Sender } from "./sending/sender.ts";
import { betterTransports } from "./connection/transport-fallback.ts";
import { Timers } from "./runtime/timers.ts";
import type { Target, TransportName } from "./transports/transport.ts";
import { Unsettled } from "./sending/unsettled.ts";
import { waitFor, type WaitOptions } from "./sending/waiting.ts";

/** How long to wait for the room to process a leave, in milliseconds. Then the client closes the connection anyway. */
const LEAVE_TIMEOUT_MS = 2_000;

/**
 * The client's side of a membership. It performs the effects of the connection's state machine, and passes the room's frames
 * to the modules that handle them. Applications see it as a {@link Room}.
 */
export class Session implements Room {
  readonly key: string;
  readonly shared: Shared;
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
  readonly #unsettled: Unsettled;
  /** Loads the code of calls that many pages never use. */
  readonly #load: () => Promise<OnDemand>;
  /** The handlers of other members' requests, by event. */
  readonly #handlers = new Map<string, Handler>();
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
    const { report } = environment;
    const on: Session["on"] = (type, listener) => this.on(type, listener);
    this.#replica = new Replica(settings, {
      emit: (type, event) => this.#emit(type, event),
      onRequest: (message) => void this.#load().then((onDemand) => onDemand.receive(message), report),
      on,
    });
    const acts = new PendingActs(settings);
    this.#sender = new Sender(acts, environment, this.#timers, settings);
    this.#acts = new Acts(acts, this.#sender, environment, settings, (error) => this.#emit("error", error));
    const context = {
      acts: this.#acts,
      sender: this.#sender,
      replica: this.#replica,
      handlers: this.#handlers,
      settings,
      clock: environment,
      report,
      on,
    };
    this.#load = lazy(async () => new (await import("./on-demand.ts")).OnDemand(context));
    this.#unsettled = new Unsettled((pending) => this.#emit("pending", pending));
    this.shared = Object.assign(this.#replica.shared.byKey, {
      set: ((values, options = {}) => this.#unsettled.add(this.#acts.set(values, options))) as Shared["set"],
      update: ((key, change, wait = {}) =>
        this.#unsettled.add(
          this.#load().then((onDemand) => onDemand.update(key, change, wait)),
        )) as Shared["update"],
    });
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

  get members(): LiveView<Member> {
    return this.#replica.members.byId;
  }

  get count(): number {
    return this.#replica.members.count;
  }

  get mode(): PresenceMode {
    return this.#replica.members.mode;
  }

  get pending(): Pending {
    return this.#unsettled.pending;
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

  publish(event: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return this.#unsettled.add(this.#acts.publish(event, data, options));
  }

  send(event: string, data: unknown, options: SendOptions = {}): void {
    this.#acts.send(event, data, options);
  }

  setPresence(data: unknown, wait: WaitOptions = {}): Promise<void> {
    return this.#unsettled.add(this.#acts.setPresence(data, wait));
  }

  flush(wait: WaitOptions = {}): Promise<void> {
    return waitFor(wait, this.#environment, (resolve) => void this.#unsettled.all().then(resolve));
  }

  async *history(options: HistoryOptions = {}): AsyncGenerator<RoomMessage, void, undefined> {
    yield* (await this.#load()).history(options);
  }

  async *messages({ signal }: Pick<WaitOptions, "signal"> = {}): AsyncGenerator<
    RoomMessage,
    void,
    undefined
  > {
    const waiting: RoomMessage[] = [];
    const stop = this.on("message", (message) => waiting.push(message));
    try {
      yield* (await this.#load()).messages(waiting, stop, signal);
    } finally {
      stop();
    }
  }

  request(member: string, event: string, data: unknown, options: RequestOptions = {}): Promise<Json> {
    const reply = this.#load().then((onDemand) => onDemand.request(member, event, data, options));
    reply.catch(() => undefined); // As with acts, an unhandled rejection is not reported.
    return reply;
  }

  onRequest(event: string, handler: Handler): () => void {
    this.#handlers.set(event, handler);
    return () => {
      if (this.#handlers.get(event) === handler) this.#handlers.delete(event);
    };
  }

  async leave(): Promise<void> {
    const link = this.#isOpen ? this.#link : undefined;
    if (link === undefined) return this.close();
    this.#sender.flush();
    this.#link = undefined; // so that it is not closed before the room has processed the leave
    const left = link.leave();
    this.#step({ type: "closed", reason: "left" });
    // A request that is aborted does not settle in every runtime, so this does not wait for it.
    await new Promise<void>((resolve) => {
      this.#timers.set("leave", LEAVE_TIMEOUT_MS, resolve);
      void left.then(resolve);
    });
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
        ...this.#replica.known,
        rewind: this.#settings.rewind,
        presence: this.#acts.joinPresence,
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
      this.#unsettled.clear();
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
      case "history":
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
