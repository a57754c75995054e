import { Rights } from "../../protocol/capabilities.ts";
import { CLOSE_CODES, type CloseName } from "../../protocol/close-codes.ts";
import type { Access } from "../../protocol/contract.ts";
import type { WireError } from "../../protocol/errors.ts";
import { HEARD_RESOLUTION_MS, attach, attachGone, readAttachment, type SessionRecord } from "./attachment.ts";
import { Backlog, type BacklogLimits, type Joining, type Visit } from "./backlog.ts";
import { ClosedSockets } from "./closed-sockets.ts";
import { EndedAttempts } from "./ended-attempts.ts";
import { SendWindow, windowCharsOf, type SendWindowLimits, type SendWindowRecord } from "./send-window.ts";

/** A live connection. Its record is a copy of the socket's attachment, and so is its send window's once it is settled. */
export interface Session {
  readonly socket: WebSocket;
  readonly sendWindow: SendWindow;
  rights: Rights;
  record: SessionRecord;
  /** Tells its view from others', as far as it stays the same from flush to flush: a number, for it is looked at often. */
  viewKey: number;
  /** The offset of the last message or position it was sent, as far as this life of the object knows. */
  toldOffset: number | undefined;
}

/** `WebSocket.readyState` of a socket that can be sent to. */
const OPEN = 1;
const CLOSED = 3;

/**
 * Who is connected, at most one socket a session. Rebuilt from the sockets' attachments after a hibernation, so
 * nothing here is only in memory.
 */
export class Sessions {
  readonly #sockets: () => readonly WebSocket[];
  readonly #limits: SendWindowLimits;
  /** What all connections leave unread. */
  readonly backlog: Backlog;
  /** The attempt numbers of connections that were taken out. */
  readonly endedAttempts = new EndedAttempts();
  readonly #closed = new ClosedSockets();
  readonly #bridgeLimits: SendWindowLimits;
  readonly #bySession = new Map<string, Session>();
  readonly #bySocket = new Map<WebSocket, Session>();
  readonly #watching = new Set<Session>();
  /** The sockets of removed sessions. */
  readonly #gone = new WeakSet<WebSocket>();
  /** Those that were sent something, or read it, that is not attached yet. */
  readonly #dirty = new Set<Session>();
  #isLoaded = false;

  /** @param sockets lists the hibernatable sockets of the object; called once, when sessions are first needed */
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
   * A socket that is closing is no one's connection, though its close event may come much later. `woken` is the socket
   * whose event is being handled, and stays a session; the platform does not list it when the event is its close
   * (workerd 1.20261023).
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

  /** How many of them only watch. */
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

  /** The session a socket carries; `undefined` for one that was replaced, closed or is not the room's. */
  of(socket: WebSocket): Session | undefined {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const attached = readAttachment(socket);
    // One that was not listed is closing: it never takes the place of a connection that is there.
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

  /** Takes in a socket just accepted. The caller has removed an older one of the same session. */
  add(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): Session {
    const session = this.#made(socket, record, sendWindow);
    this.#keep(session);
    this.#dirty.add(session);
    return session;
  }

  /** Forgets a session; from now on its socket's frames and close mean nothing. */
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

  /** Why the room rejects a connection because of what clients leave unread or unanswered. */
  refusal(joining: Joining): WireError | undefined {
    this.#closed.dropOverdue(joining.now);
    return this.backlog.refusal(joining);
  }

  /** The close of a socket is complete, or its connection was lost. */
  ended(socket: WebSocket, now: number): void {
    this.#closed.ended(socket, now);
  }

  /** Forgets a session and closes its socket. */
  close(session: Session, name: CloseName): void {
    this.remove(session);
    closeSocket(session.socket, name);
  }

  /** Notes that a member was heard of. */
  heard(session: Session, now: number): void {
    if (now - session.record.heardAt < HEARD_RESOLUTION_MS) return;
    this.update(session, { heardAt: now });
  }

  /** Changes what is attached to a session's socket. */
  update(session: Session, change: Partial<SessionRecord>): void {
    session.record = { ...session.record, ...change };
    this.#changed(session);
  }

  /** Whether all that is to be known of the connections after a sleep is attached. */
  get isSettled(): boolean {
    return this.#dirty.size === 0;
  }

  /** Gives a session what a new token allows. */
  renew(session: Session, access: Access): void {
    session.rights = new Rights(access.grants);
    session.viewKey = viewKeyOf(session.record, session.rights);
    this.update(session, { access });
  }

  /** Attaches what is not attached yet. */
  settle(): void {
    for (const { socket, record, sendWindow } of this.#dirty) attach(socket, record, sendWindow.record);
    this.#dirty.clear();
  }

  #made(socket: WebSocket, record: SessionRecord, sendWindow: SendWindowRecord): Session {
    const rights = new Rights(record.access?.grants);
    const session: Session = {
      ...{ socket, record, rights, viewKey: viewKeyOf(record, rights), toldOffset: undefined },
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
    // One that was taken out is no one's: what it carries says so.
    if (this.#bySocket.get(session.socket) === session) this.#dirty.add(session);
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

/** The source that pays for a connection. */
function sourceOf({ source, session }: SessionRecord): string {
  return source ?? session;
}

/** The view keys, by what they are made of. */
const VIEW_KEYS = new Map<string, number>();

function viewKeyOf({ dialect, mode }: SessionRecord, rights: Rights): number {
  const name = `${dialect} ${rights.may("members") ? mode : "count"} ${rights.may("state")}`;
  const viewKey = VIEW_KEYS.get(name) ?? VIEW_KEYS.size;
  VIEW_KEYS.set(name, viewKey);
  return viewKey;
}

/** Closes a socket, telling its peer why. */
export function closeSocket(socket: WebSocket, name: CloseName): void {
  try {
    socket.close(CLOSE_CODES[name].code, CLOSE_CODES[name].text);
  } catch {
    // It closed before the room could: there is no one left to tell.
  }
}

/** Whether the token of a connection has expired: nothing more is sent to it, and nothing taken from it. */
export function isExpired({ record }: Session, now: number): boolean {
  return (record.access?.expiresAt ?? Infinity) <= now;
}
