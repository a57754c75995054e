import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { SseMember } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";
import type { Change, Start } from "./model.ts";
import type { Client } from "./client.ts";
import type { ClientWindow } from "./client-window.ts";
import { isRecorded, type RecordedFrame } from "./recorded.ts";

/** How a client is connected. */
export type Transport = "websocket" | "sse";

/** A change that a connection must receive. */
export interface OwedChange {
  readonly change: Change;
  /** The step of the sequence that caused it. */
  readonly step: number;
  /** A newer change in the same step may have replaced it. */
  isOptional: boolean;
}

/** A volatile message that a connection may receive once. */
interface OwedVolatile {
  readonly text: string;
  /** The step of the sequence in which it was published. */
  readonly step: number;
  /** Of two messages with the same slot in one step, the older one may be left out. */
  readonly slot: string | undefined;
  /** It may be left out or lost. */
  isOptional: boolean;
}

/** A moment at which a connection that reads nothing had not been sent everything for it. */
interface Stall {
  /** The number of frames it had been sent. */
  readonly frames: number;
  /** The end of the log. */
  readonly head: number;
}

/** The expected content of a welcome, besides the client's identity. */
export interface ExpectedWelcome extends Start {
  readonly epoch: string | undefined;
  readonly head: number;
  /** Presence data by member, as JSON text. */
  readonly members: ReadonlyMap<string, string>;
}

/** One connection of a client: what the model expects it to receive, and what it has received. */
export class Connection {
  readonly client: Client;
  readonly over: Transport;
  readonly socket: WebSocketMember | SseMember;
  readonly welcome: ExpectedWelcome;
  readonly changes: OwedChange[] = [];
  readonly volatile: OwedVolatile[] = [];
  /** The refs of its acts over this connection, once for each act. */
  readonly refs: number[] = [];
  /** When the room last received something from it, Unix milliseconds. */
  heardAt: number;
  /** Whether its client delays the reply to a close. */
  answersLate = false;
  /** Whether it requested the state, although it may know it. */
  asksForState = false;
  /** The reports of its reading, if it promised them. */
  window: ClientWindow | undefined;
  /** Whether it was sent the log because it did not keep up. It may then have received the list instead of changes. */
  hasStalled = false;
  /** Whether it reads nothing now. Of the recorded messages only a first part may have arrived. */
  isStalled = false;
  /** The moments at which it was found to have fallen behind while it read nothing. */
  readonly stalls: Stall[] = [];
  /** The number of large messages it requested again. */
  reread = 0;
  /** The end of the log when the connection was cut. What was recorded at that moment may or may not have arrived. */
  cutAt: number | undefined;

  constructor(
    client: Client,
    over: Transport,
    socket: WebSocketMember | SseMember,
    welcome: ExpectedWelcome,
    now: number,
  ) {
    this.client = client;
    this.over = over;
    this.socket = socket;
    this.welcome = welcome;
    this.heardAt = now;
  }

  /** Records a change of members that it must receive. */
  owe(change: Change, step: number): void {
    const last = this.changes.findLast((each) => each.change.id === change.id);
    if (last?.step === step && last.change.what === "updated") last.isOptional = true;
    this.changes.push({ change, step, isOptional: false });
  }

  /** Allows that a client that leaves does not receive the changes of the same step. */
  excuse(step: number): void {
    for (const each of this.changes) if (each.step === step) each.isOptional = true;
  }

  /** Records that it does not keep up in this step. Volatile messages and changes of members may be left out. */
  stall(step: number): void {
    this.hasStalled = true;
    this.excuse(step);
    this.missVolatile(step);
  }

  /** Records that more than half a window was unread in this step. Volatile messages may be left out. */
  missVolatile(step: number): void {
    for (const each of this.volatile) if (each.step === step) each.isOptional = true;
  }

  /** Records a volatile message that it may receive. */
  oweVolatile(owed: OwedVolatile): void {
    for (const each of this.volatile)
      if (owed.slot !== undefined && each.slot === owed.slot && each.step === owed.step)
        each.isOptional = true;
    this.volatile.push(owed);
  }

  /** Every frame it received. */
  get frames(): readonly ServerFrame[] {
    return this.socket.inbox.all;
  }

  /** Every recorded frame it received. */
  get recorded(): readonly RecordedFrame[] {
    return this.frames.filter(isRecorded);
  }

  /** The event id with which an EventSource would reconnect; `undefined` over a WebSocket, or if it must not retry. */
  get eventId(): string | undefined {
    if (!(this.socket instanceof SseMember)) return undefined;
    const { lastEventId } = this.socket.stream;
    return lastEventId.startsWith("~") ? undefined : lastEventId;
  }

  /** For the report of a failure. */
  get name(): string {
    return `${this.client.name} (${this.over})`;
  }
}
