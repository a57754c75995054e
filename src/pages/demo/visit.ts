import { joinRoom, ParlorError, type Published, type Room, type RoomMessage } from "../../client/index.ts";
import type {
  Closed,
  ConnectionStatus,
  SetOptions,
  SharedChange,
  SharedValue,
  Welcomed,
} from "../../client/index.ts";
import { parsePosition } from "../../protocol/positions.ts";
import { roomUrl, type TransportChoice } from "./address.ts";
import type { Profile } from "./identity.ts";
import { peopleOf } from "./people.ts";
import { Recovery } from "./recovery.ts";
import type { Store } from "./store.ts";
import { isLive, type ConnectionView, type View } from "./view.ts";
import { makeWire } from "./wire.ts";

/** How many of the newest messages the page requests on the first join. */
const HISTORY_MESSAGES = 50;

/** How long the button interrupts the connection, in milliseconds. */
const DROP_MS = 5_000;

/** How long the page reports a reconnect, in milliseconds. */
const RECONNECTED_SHOWN_MS = 6_000;

/** The page does not report a reconnect that is faster than this and missed no message, in milliseconds. */
const BLIP_MS = 1_000;

/** How often the page reads values for which the client has no event, in milliseconds. */
const READ_MS = 1_000;

/** The close code of a server that accepts no further connection now. */
const OVERLOADED = 4005;

/** The close code of a connection that reads too slowly. */
const SLOW = 4003;

/** The close code of a connection that another one with the same key has replaced. */
const REPLACED = 4504;

/** Receives what happens in the room. */
export interface VisitListener {
  onMessage(message: RoomMessage): void;
  /** The shared state has changed. */
  onShared(change: SharedChange): void;
  /** The room was joined or rejoined. The shared state may be different. */
  onWelcome(): void;
  /** The room was joined for the first time; the newest messages follow, up to this position. */
  onJoined(welcome: Welcomed): void;
  /** The client has reconnected, and the missed messages have arrived. */
  onReconnected(connection: Extract<ConnectionView, { phase: "reconnected" }>): void;
}

/**
 * This tab's stay in a room. The client keeps a room joined. To use another transport, the visit makes another client
 * with the same key and position. That client is the same member, and misses no message.
 */
export class Visit {
  readonly #store: Store<View>;
  readonly #key: string;
  readonly #listener: VisitListener;
  readonly #wire = makeWire();
  #room: Room;
  #awaySince: number | undefined;
  #recovery: Recovery | undefined;
  #hasJoined = false;
  #nextTryAt: number | undefined;
  #reconnectedTimer: number | undefined;

  constructor(store: Store<View>, key: string, listener: VisitListener) {
    this.#store = store;
    this.#key = key;
    this.#listener = listener;
    this.#room = this.#join();
    setInterval(() => {
      this.#readConnection();
      this.#finishRecovery();
    }, READ_MS);
  }

  /** The time of the next attempt to connect, on the clock of `performance.now()`. */
  get nextTryAt(): number | undefined {
    return this.#nextTryAt;
  }

  /** This member's id; `undefined` before the first welcome. */
  get self(): string | undefined {
    return this.#room.self;
  }

  /** The shared state. */
  get shared(): ReadonlyMap<string, SharedValue> {
    return this.#room.shared;
  }

  /** Reconnects over another transport, as the same member. */
  choose(choice: TransportChoice): void {
    if (choice === this.#store.state.choice) return;
    this.#store.set({ choice });
    this.rejoin();
  }

  /** Connects again with the same key and position. */
  rejoin(): void {
    const old = this.#room;
    this.#awaySince ??= performance.now();
    this.#setConnection({ phase: this.#hasJoined ? "reconnecting" : "joining" });
    this.#room = this.#join(old.position);
    // The server replaces a live connection, so other members see no leave. A connection that is not live is closed
    // here, because it would reconnect and replace the new one.
    if (old.connection.state !== "open") old.close();
    else old.on("connection", ({ state }) => (state === "closed" ? undefined : old.close()));
  }

  /** Interrupts the connection for a few seconds. */
  drop(): void {
    this.#wire.cut(DROP_MS);
    this.#setConnection({ phase: "dropped", until: performance.now() + DROP_MS });
    setTimeout(() => {
      if (this.#store.state.connection.phase === "dropped") this.#setConnection({ phase: "reconnecting" });
    }, DROP_MS);
  }

  leave(): void {
    void this.#room.leave();
  }

  /** Publishes a message, also if the transport changes before the reply. */
  publish(event: string, data: unknown): Promise<Published> {
    return this.#act((room) => room.publish(event, data));
  }

  /** Changes the shared state, also if the transport changes before the reply. */
  set(values: Readonly<Record<string, unknown>>, options: SetOptions): Promise<Published> {
    return this.#act((room) => room.shared.set(values, options));
  }

  /** Sends a volatile message if other members are listed. In a room that sends only their number, it sends nothing. */
  send(event: string, data: unknown, key?: string): void {
    if (this.#room.count > 1 && this.#room.mode === "list") this.#room.send(event, data, { key });
  }

  setProfile(profile: Profile): void {
    this.#store.set({ profile });
    this.#room.setPresence(profile).catch(() => undefined); // the next join sends it again
  }

  async #act(act: (room: Room) => Promise<Published>): Promise<Published> {
    const room = this.#room;
    try {
      return await act(room);
    } catch (error) {
      const wasLeft = room !== this.#room && error instanceof ParlorError;
      if (wasLeft && (error.code === "closed" || error.code === "replaced")) return this.#act(act);
      throw error;
    }
  }

  #join(position?: string): Room {
    const { room: name, choice, profile } = this.#store.state;
    const room = joinRoom(roomUrl(name), {
      key: this.#key,
      position,
      rewind: HISTORY_MESSAGES,
      presence: profile,
      transports: choice === "auto" ? undefined : [choice],
      WebSocket: this.#wire.WebSocket,
      fetch: this.#wire.fetch,
    });
    // Ignores the events of a client that has been replaced.
    const whenCurrent =
      <Event>(listener: (event: Event) => void) =>
      (event: Event): void => {
        if (room === this.#room) listener(event);
      };
    room.on(
      "welcome",
      whenCurrent((welcome) => this.#welcomed(room, welcome)),
    );
    room.on(
      "connection",
      whenCurrent((status) => this.#changed(status)),
    );
    room.on(
      "closed",
      whenCurrent((closed) => this.#closed(closed)),
    );
    room.on(
      "presence",
      whenCurrent(() => this.#readPeople()),
    );
    room.on(
      "message",
      whenCurrent((message) => this.#receive(message)),
    );
    room.on(
      "shared",
      whenCurrent((change) => {
        this.#listener.onShared(change);
        this.#finishRecovery();
      }),
    );
    return room;
  }

  #welcomed(room: Room, welcome: Welcomed): void {
    this.#nextTryAt = undefined;
    const awayMs = this.#awaySince === undefined ? 0 : performance.now() - this.#awaySince;
    this.#awaySince = undefined;
    this.#readPeople();
    this.#setConnection({ phase: "open" });
    if (this.#hasJoined) this.#recovery = new Recovery(welcome, awayMs);
    else this.#begin(welcome);
    this.#listener.onWelcome();
    // Without pings, the round trip is that of a request.
    if (room.connection.transport !== "websocket")
      void room.setPresence(this.#store.state.profile).catch(() => undefined);
    this.#finishRecovery();
  }

  #begin(welcome: Welcomed): void {
    this.#hasJoined = true;
    const { head, history } = welcome;
    this.#store.set({ history, hasPast: (parsePosition(head)?.offset ?? 0) > 0 });
    this.#listener.onJoined(welcome);
  }

  #receive(message: RoomMessage): void {
    this.#listener.onMessage(message);
    if (message.offset === undefined) return;
    this.#recovery?.take(message.offset);
    this.#finishRecovery();
  }

  #finishRecovery(): void {
    const recovery = this.#recovery;
    if (recovery === undefined || !recovery.isOver(this.#room.position)) return;
    this.#recovery = undefined;
    const { count, awayMs, isWhole } = recovery;
    if (awayMs < BLIP_MS && count === 0 && isWhole) return;
    const connection = { phase: "reconnected", awayMs, recovered: count, isWhole } as const;
    this.#store.set({ recovered: this.#store.state.recovered + count });
    this.#setConnection(connection);
    this.#listener.onReconnected(connection);
    this.#reconnectedTimer = setTimeout(() => this.#setConnection({ phase: "open" }), RECONNECTED_SHOWN_MS);
  }

  #changed({ state, code, reason = "", nextTryAt }: ConnectionStatus): void {
    if (state === "open" || state === "closed") return;
    this.#nextTryAt = nextTryAt === undefined ? undefined : nextTryAt - performance.timeOrigin;
    this.#awaySince ??= performance.now();
    const { connection } = this.#store.state;
    if (connection.phase === "dropped") return;
    if (state === "waiting" && code === OVERLOADED) this.#setConnection({ phase: "full", why: reason });
    else if (state === "waiting" || isLive(connection)) {
      this.#setConnection({ phase: "reconnecting", isSlow: code === SLOW });
    }
  }

  #closed({ code, reason = "", error }: Closed): void {
    if (error === undefined) return; // this page closed it
    this.#nextTryAt = undefined;
    this.#setConnection(code === REPLACED ? { phase: "replaced" } : { phase: "refused", why: reason });
  }

  #setConnection(connection: ConnectionView): void {
    clearTimeout(this.#reconnectedTimer);
    this.#store.set({ connection });
    this.#readConnection();
  }

  #readConnection(): void {
    const { connection, rttMs, position } = this.#room;
    this.#store.set({
      transport: connection.transport,
      rttMs,
      position: position ?? this.#store.state.position,
    });
  }

  #readPeople(): void {
    const { self, members, count, mode } = this.#room;
    const hadCompany = this.#store.state.hadCompany || count > 1;
    const isCrowd = mode === "count";
    this.#store.set({ self, people: peopleOf(members.values(), self), count, isCrowd, hadCompany });
  }
}
