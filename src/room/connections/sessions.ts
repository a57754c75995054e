import { Rights } from "../../protocol/capabilities.ts";
import { CLOSE_CODES, type CloseName } from "../../protocol/close-codes.ts";
import type { Access } from "../../protocol/contract.ts";
import type { WireError } from "../../protocol/errors.ts";
import { HEARD_RESOLUTION_MS, attach, attachGone, readAttachment, type SessionRecord } from "./attachment.ts";
import { Backlog, type BacklogLimits, type Joining, type Visit } from "./backlog.ts";
import { ClosedSockets } from "./closed-sockets.ts";
import { EndedAttempts } from "./ended-attempts.ts";
import { SendWindow, windowCharsOf, type SendWindowLimits, type SendWindowRecord } from "./send-window.ts";

/** An open connection. Its record is a copy of the socket's attachment, and so is its send window's once that is settled. */
export interface Session {
  readonly socket: WebSocket;
  readonly sendWindow: SendWindow;
  rights: Rights;
  record: SessionRecord;
  /** Identifies the part of its view that stays the same from flush to flush. A number, because every flush compares it. */
  viewKey: number;
  /** The offset of the last message or position it was sent; `undefined` if that was before the object was last loaded. */
  toldOffset: number | undefined;
}

/** `WebSocket.readyState` of a socket that can be sent to. */
const OPEN = 1;
const CLOSED = 3;

/**
 * The connected sessions, with at most one socket each. They are rebuilt from the sockets' attachments after a hibernation.
 */
export class Sessions {
  readonly #sockets: () => readonly WebSocket[];
  readonly #limits: SendWindowLimits;
  /** The unread data of all connections. */
  readonly backlog: Backlog;
  /** The attempt numbers of removed connections. */
  readonly endedAttempts = new EndedAttempts();
  readonly #closed = new ClosedSockets();
  readonly #bridgeLimits: SendWindowLimits;
  readonly #bySession = new Map<string, Session>();
  readonly #bySocket = new Map<WebSocket, Session>();
  readonly #watching = new Set<Session>();
  /** The sockets of removed sessions. */
  readonly #gone = new WeakSet<WebSocket>();
  /** The sessions with changes that are not attached yet. */
  readonly #dirty = new Set<Session>();
  #isLoaded = false;

  /** @param sockets lists the hibernatable sockets of the object. Called once, when sessions are first needed */
  constructor(sockets: () => readonly WebSocket[], limits: SendWindowLimits & BacklogLimits) {
    this.#sockets = sockets;
    this.#limits = limits;
    this.#bridgeLimits = { ...limits, windowChars: windowCharsOf(limits, "bridge") };
    const closed = this.#closed;
    this.backlog = new Backlog(limits, {
      visit: (each) => this.#visit(each),
      unansweredOf: (source, now) => closed.unansweredOf(source, now),
      get unanswered() {
        return closed.unanswered;
      },
    });
  }

  /**
   * Rebuilds the sessions once per life of the object; later calls do nothing.
   *
   * A closing socket is not a session's connection, although its close event may come much later.
   *
   * @param woken the socket whose event is being handled. It stays a session. The platform does not list it if the event is
   * its close (workerd 1.20261023)
   */
  load(woken?: WebSocket): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    for (const socket of this.#sockets()) {
      const attached = readAttachment(socket);
      if (attached.is === "newer") closeSocket(socket, "upgrade");
      if (attached.is === "gone") {
        this.#gone.add(socket);
        if (socket.readyState !== CLOSED) this.#closed.add(socket, attached.remains);
      }
      if (attached.is !== "session") continue;
      if (socket.readyState === OPEN || socket === woken)
        this.#keepNewest(this.#made(socket, attached.record, attached.sendWindow));
    }
    if (woken !== undefined) this.of(woken);
  }

  get size(): number {
    return this.#bySession.size;
  }

  /** The number of sessions that only watch. */
  get watching(): number {
    return this.#watching.size;
  }

  all(): IterableIterator<Session> {
    return this.#bySession.values();
  }

  /** The sessions that only watch. */
  watchers(): IterableIterator<Session> {
    return this.#watching.values();
  }

  /** The session of a socket; `undefined` if the socket was replaced or closed, or the room did not accept it. */
  of(socket: WebSocket): Session | undefined {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const attached = readAttachment(socket);
    // A socket that was not listed is closing. It never replaces an open connection.
    if (attached.is !== "session" || this.#bySession.has(attached.record.session)) return undefined;
    this.#keepNewest(this.#made(socket, attached.record, attached.sendWindow));
    return this.#bySocket.get(socket);
  }

  /** Whether the session of a socket is known to be removed. Cheap to check. */
  isGone(socket: WebSocket): boolean {
    return this.#gone.has(socket);
  }

  byId(session: string): Session | undefined {
    return this.#bySession.get(session);
  }

  /** Whether a session is still connected over its socket: the room has neither closed nor replaced it. */
  has(session: Session): boolean {
    return this.#bySocket.get(session.socket) === session;
  }

  /** Adds a socket that was just accepted. The caller has removed an older socket of the same session. */
  add(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): Session {
    const session = this.#made(socket, record, sendWindow);
    this.#keep(session);
    this.#dirty.add(session);
    return session;
  }

  /** Removes a session. The later frames and the close of its socket are ignored. */
  remove(session: Session): void {
    this.#bySocket.delete(session.socket);
    this.#dirty.delete(session);
    this.#watching.delete(session);
    const { session: id, attempt } = session.record;
    if (this.#bySession.get(id) === session) {
      this.#bySession.delete(id);
      if (attempt !== undefined) this.endedAttempts.remember(id, attempt);
    }
    this.#bury(session);
  }

  /** Why the room rejects a join because of unread data or unanswered closes; `undefined` if it accepts it. */
  refusal(joining: Joining): WireError | undefined {
    this.#closed.dropOverdue(joining.now);
    return this.backlog.refusal(joining);
  }

  /** The close of a socket is complete, or its connection was lost. */
  ended(socket: WebSocket, now: number): void {
    this.#closed.ended(socket, now);
  }

  /** Removes a session and closes its socket. */
  close(session: Session, name: CloseName): void {
    this.remove(session);
    closeSocket(session.socket, name);
  }

  /** Records that a member is active. */
  heard(session: Session, now: number): void {
    if (now - session.record.heardAt < HEARD_RESOLUTION_MS) return;
    this.update(session, { heardAt: now });
  }

  /** Changes the record of a session, which is attached later. */
  update(session: Session, change: Partial<SessionRecord>): void {
    session.record = { ...session.record, ...change };
    this.#changed(session);
  }

  /** Whether all changes are attached, so that a hibernation loses nothing. */
  get isSettled(): boolean {
    return this.#dirty.size === 0;
  }

  /** Gives a session the rights of a new token. */
  renew(session: Session, access: Access): void {
    session.rights = new Rights(access.grants);
    session.viewKey = viewKeyOf(session.record, session.rights);
    this.update(session, { access });
  }

  /** Attaches all changes that are not attached yet. */
  settle(): void {
    for (const { socket, record, sendWindow } of this.#dirty) attach(socket, record, sendWindow.record);
    this.#dirty.clear();
  }

  #made(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): Session {
    const rights = new Rights(record.access?.grants);
    const session: Session = {
      socket,
      record,
      rights,
      viewKey: viewKeyOf(record, rights),
      toldOffset: undefined,
      sendWindow: new SendWindow(socket, this.#limitsOf(record), sendWindow, {
        dialect: record.dialect,
        backlog: this.backlog,
        changed: () => this.#changed(session),
      }),
    };
    return session;
  }

  #limitsOf({ dialect }: SessionRecord): SendWindowLimits {
    return dialect === "bridge" ? this.#bridgeLimits : this.#limits;
  }

  /** After a session is removed, its client may still hold the socket. */
  #bury({ socket, record, sendWindow }: Session): void {
    const remains = { source: sourceOf(record), unread: sendWindow.remainingBytes };
    this.#gone.add(socket);
    this.#closed.add(socket, remains);
    attachGone(socket, remains);
  }

  #visit(each: Visit): void {
    for (const { record, sendWindow } of this.#bySession.values())
      each(sendWindow.heldBytes, sourceOf(record));
    this.#closed.visit(each);
  }

  #changed(session: Session): void {
    // The socket of a removed session is already marked as gone.
    if (this.has(session)) this.#dirty.add(session);
  }

  #keepNewest(session: Session): void {
    const other = this.#bySession.get(session.record.session);
    if (other !== undefined && !isNewer(session.record, other.record)) {
      this.#bury(session);
      closeSocket(session.socket, "replaced");
      return;
    }
    if (other !== undefined) this.close(other, "replaced");
    this.#keep(session);
  }

  #keep(session: Session): void {
    this.#bySession.set(session.record.session, session);
    this.#bySocket.set(session.socket, session);
    if (session.record.viewOnly === true) this.#watching.add(session);
  }
}

/** Whether one connection of a session was admitted after another. */
function isNewer(one: SessionRecord, other: SessionRecord): boolean {
  const difference = (one.attempt ?? 0) - (other.attempt ?? 0);
  return difference === 0 ? one.joinedAt > other.joinedAt : difference > 0;
}

/** The source that a connection counts against. */
function sourceOf({ source, session }: SessionRecord): string {
  return source ?? session;
}

/** The view keys, by the properties that distinguish views. */
const VIEW_KEYS = new Map<string, number>();

function viewKeyOf({ dialect, mode }: SessionRecord, rights: Rights): number {
  const name = `${dialect} ${rights.may("members") ? mode : "count"} ${rights.may("state")}`;
  const viewKey = VIEW_KEYS.get(name) ?? VIEW_KEYS.size;
  VIEW_KEYS.set(name, viewKey);
  return viewKey;
}

/** Closes a socket with a close code and its text. */
export function closeSocket(socket: WebSocket, name: CloseName): void {
  try {
    socket.close(CLOSE_CODES[name].code, CLOSE_CODES[name].text);
  } catch {
    // The socket has closed already.
  }
}

/** Whether the token of a connection has expired. The room sends it nothing more, and accepts nothing from it. */
export function isExpired({ record }: Session, now: number): boolean {
  return (record.access?.expiresAt ?? Infinity) <= now;
}
