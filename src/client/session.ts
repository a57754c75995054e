import type { PresenceMode } from "../protocol/contract.ts";
import type { ErrorFrame, ServerFrame, WelcomeFrame } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";
import { Acts, type Published, type PublishOptions, type SendOptions } from "./sending/acts.ts";
import type { ConnectionStatus } from "./connection/connection.ts";
import { Connector } from "./connection/connector.ts";
import type { Dialers } from "./transports/dialers.ts";
import { Emitter } from "./runtime/emitter.ts";
import type { Environment } from "./runtime/environment.ts";
import { ParlorError, errorOfFrame } from "./error.ts";
import type { Pending, RoomEvents, RoomMessage } from "./views/events.ts";
import type { HistoryOptions } from "./sending/history.ts";
import { lazy } from "./runtime/lazy.ts";
import type { LiveView } from "./views/live-map.ts";
import type { Member } from "./views/members.ts";
import type { OnDemand } from "./on-demand.ts";
import type { Settings } from "./options.ts";
import { recoveryOf } from "./recovery.ts";
import { Replica } from "./views/replica.ts";
import type { Handler, RequestOptions } from "./sending/requests.ts";
import type { Room, Shared } from "./room.ts";
import { Sender } from "./sending/sender.ts";
import { Timers } from "./runtime/timers.ts";
import { Unsettled } from "./sending/unsettled.ts";
import { waitFor, type WaitOptions } from "./sending/waiting.ts";

/**
 * The client's side of a membership. It passes the room's frames to the modules that handle them, and the calls of the
 * application to the modules that perform them. Applications see it as a {@link Room}.
 */
export class Session implements Room {
  readonly key: string;
  readonly shared: Shared;
  readonly #environment: Environment;
  readonly #emitter: Emitter<RoomEvents>;
  readonly #connector: Connector;
  readonly #replica: Replica;
  readonly #sender: Sender;
  readonly #acts: Acts;
  readonly #unsettled: Unsettled;
  /** Loads the code of calls that many pages never use. */
  readonly #load: () => Promise<OnDemand>;
  /** The handlers of other members' requests, by event. */
  readonly #handlers = new Map<string, Handler>();

  /** Starts to join at once, unless the option `autoConnect` is false. */
  constructor(address: string, settings: Settings, dialers: Dialers, environment: Environment) {
    this.key = settings.key;
    this.#environment = environment;
    this.#emitter = new Emitter(environment.report);
    const timers = new Timers(environment);
    const { report } = environment;
    const on: Session["on"] = (type, listener) => this.on(type, listener);
    this.#replica = new Replica(settings, {
      emit: (type, event) => this.#emit(type, event),
      onRequest: (message) => void this.#load().then((onDemand) => onDemand.receive(message), report),
      on,
    });
    this.#sender = new Sender(environment, timers, settings);
    this.#acts = new Acts(this.#sender, environment, settings, (error) => this.#emit("error", error));
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
    this.#connector = new Connector(address, settings, {
      dialers,
      environment,
      timers,
      listener: {
        known: () => ({
          ...this.#replica.known,
          rewind: settings.rewind,
          presence: this.#acts.joinPresence,
        }),
        onFrame: (frame) => this.#receive(frame),
        onPosition: (position) => this.#replica.position(position),
        onRead: (chars) => this.#sender.read(chars),
        onReady: () => this.#sender.flush(),
        onDetached: () => this.#sender.detach(),
        onStatus: (status) => this.#notify(status),
      },
    });
    if (settings.autoConnect) this.connect();
  }

  get connection(): ConnectionStatus {
    return this.#connector.status;
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
    return this.#connector.link?.rttMs;
  }

  get lagMs(): number | undefined {
    return this.#connector.link?.lagMs;
  }

  connect(): void {
    this.#connector.step({ type: "connect" });
  }

  reconnect(): void {
    this.#connector.step({ type: "reconnect" });
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

  leave(): Promise<void> {
    this.#sender.flush();
    return this.#connector.leave();
  }

  close(): void {
    this.#connector.step({ type: "closed", reason: "you closed the room" });
  }

  #notify(status: ConnectionStatus): void {
    const { state, error, reason = "" } = status;
    if (state !== "closed") return this.#emit("connection", status);
    this.#acts.end(error ?? new ParlorError("closed", reason));
    this.#unsettled.clear();
    this.#emit("connection", status);
    this.#emit("closed", status);
    this.#emitter.end();
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
      case "history":
        return this.#sender.acknowledged(frame);
      case "error":
        return this.#refused(frame);
      case "expiring": // handled by the connector
      case "pong": // handled by the link
      case "close": // handled by the transport
        return;
      default:
        frame satisfies never; // a frame of a newer server is ignored (rule F2)
    }
  }

  #welcome(welcome: WelcomeFrame): void {
    const { link } = this.#connector;
    if (link === undefined) return;
    const emitWelcome = this.#replica.welcomed(welcome);
    this.#sender.attach(link, welcome);
    this.#acts.welcomed();
    this.#connector.welcomed(link, welcome);
    emitWelcome();
  }

  #refused(error: ErrorFrame): void {
    const connector = this.#connector;
    const { ref, code, message: reason } = error;
    if (!connector.isOpen) return connector.step({ type: "refused", error });
    const isRenewal = connector.renewalRefused(error);
    if (!isRenewal) this.#sender.refused(error);
    if (ref === undefined) this.#emit("error", errorOfFrame(error));
    if (code === "superseded") connector.step({ type: "replaced", reason });
    // After a failed renewal the old token is still valid.
    else if (recoveryOf(error) === "reconnect" && !isRenewal) connector.step({ type: "lost", reason });
  }

  /** Calls the listeners, unless there is no event. */
  #emit<Type extends keyof RoomEvents>(type: Type, event: RoomEvents[Type] | undefined): void {
    if (event !== undefined) this.#emitter.emit(type, event);
  }
}
