import { CLOSE_CODES, type CloseName } from "../protocol/close-codes.ts";
import { HEARD_RESOLUTION_MS, attach, attachGone, readAttachment, type SessionRecord } from "./attachment.ts";

/** A live connection of a member. Its record is a copy of the socket's attachment. */
export interface Session {
  readonly socket: WebSocket;
  record: SessionRecord;
}

/** `WebSocket.readyState` of a socket that can be sent to. */
const OPEN = 1;

/**
 * Who is connected, at most one socket a session. Rebuilt from the sockets' attachments after a hibernation, so
 * nothing here is only in memory.
 */
export class Sessions {
  readonly #sockets: () => readonly WebSocket[];
  readonly #bySession = new Map<string, Session>();
  readonly #bySocket = new Map<WebSocket, Session>();
  #isLoaded = false;

  /** @param sockets lists the hibernatable sockets of the object; called once, when sessions are first needed */
  constructor(sockets: () => readonly WebSocket[]) {
    this.#sockets = sockets;
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
      if (attached.is !== "session") continue;
      if (socket.readyState === OPEN || socket === woken)
        this.#keepNewest({ socket, record: attached.record });
    }
    if (woken !== undefined) this.of(woken);
  }

  get size(): number {
    return this.#bySession.size;
  }

  all(): IterableIterator<Session> {
    return this.#bySession.values();
  }

  /** The session a socket carries; `undefined` for one that was replaced, closed or is not the room's. */
  of(socket: WebSocket): Session | undefined {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const attached = readAttachment(socket);
    // One that was not listed is closing: it never takes the place of a connection that is there.
    if (attached.is !== "session" || this.#bySession.has(attached.record.session)) return undefined;
    this.#keepNewest({ socket, record: attached.record });
    return this.#bySocket.get(socket);
  }

  byId(session: string): Session | undefined {
    return this.#bySession.get(session);
  }

  /** Takes in a socket just accepted. The caller has removed an older one of the same session. */
  add(socket: WebSocket, record: SessionRecord): Session {
    attach(socket, record);
    const session = { socket, record };
    this.#bySession.set(record.session, session);
    this.#bySocket.set(socket, session);
    return session;
  }

  /** Forgets a session; from now on its socket's frames and close mean nothing. */
  remove(session: Session): void {
    this.#bySocket.delete(session.socket);
    if (this.#bySession.get(session.record.session) === session)
      this.#bySession.delete(session.record.session);
    attachGone(session.socket);
  }

  /** Forgets a session and closes its socket. */
  close(session: Session, name: CloseName): void {
    this.remove(session);
    closeSocket(session.socket, name);
  }

  /** Notes that a member was heard of. */
  heard(session: Session, now: number): void {
    if (now - session.record.heardAt < HEARD_RESOLUTION_MS) return;
    this.#update(session, { ...session.record, heardAt: now });
  }

  #update(session: Session, record: SessionRecord): void {
    attach(session.socket, record);
    session.record = record;
  }

  #keepNewest(session: Session): void {
    const other = this.#bySession.get(session.record.session);
    if (other !== undefined && other.record.joinedAt >= session.record.joinedAt) {
      attachGone(session.socket);
      closeSocket(session.socket, "replaced");
      return;
    }
    if (other !== undefined) this.close(other, "replaced");
    this.#bySession.set(session.record.session, session);
    this.#bySocket.set(session.socket, session);
  }
}

/** Closes a socket, telling its peer why. */
export function closeSocket(socket: WebSocket, name: CloseName): void {
  try {
    socket.close(CLOSE_CODES[name].code, CLOSE_CODES[name].text);
  } catch {
    // It closed before the room could: there is no one left to tell.
  }
}
