import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { SseMember } from "../support/sse.ts";
import type { WebSocketMember } from "../support/websocket.ts";
import type { Change, Start } from "./model.ts";
import type { Client } from "./client.ts";
import type { ClientWindow } from "./client-window.ts";
import { isRecorded, type RecordedFrame } from "./recorded.ts";

/** How a client is connected. */
export type Transport = "websocket" | "sse";

/** A change that a connection is to be told of. */
export interface OwedChange {
  readonly change: Change;
  /** The step of the sequence that made it. */
  readonly step: number;
  /** Something newer came at once, so that this may not have been told. */
  isOptional: boolean;
}

/** A volatile message that a connection may be sent, once. */
interface OwedVolatile {
  readonly text: string;
  /** The step of the sequence in which it was said. */
  readonly step: number;
  /** Of two messages that share this, said at once, the older one may be left out. */
  readonly slot: string | undefined;
  /** It may be left out, or lost. */
  isOptional: boolean;
}

/** A moment at which a connection that reads nothing had not been sent all that was for it. */
interface Stall {
  /** How many frames it had been sent. */
  readonly frames: number;
  /** Where the log ended. */
  readonly head: number;
}

/** What its welcome must say, beside who it is. */
export interface ExpectedWelcome extends Start {
  readonly epoch: string | undefined;
  readonly head: number;
  /** Presence data by member, as JSON text. */
  readonly members: ReadonlyMap<string, string>;
}

/** One connection of a client: what the room owes it by the model, and what it has read. */
export class Connection {
  readonly client: Client;
  readonly over: Transport;
  readonly socket: WebSocketMember | SseMember;
  readonly welcome: ExpectedWelcome;
  readonly changes: OwedChange[] = [];
  readonly volatile: OwedVolatile[] = [];
  /** The refs under which it asked over this connection, as often as it did. */
  readonly refs: number[] = [];
  /** When the room last heard of it, Unix milliseconds. */
  heardAt: number;
  /** Whether its client lets the room wait for the answer to a close. */
  answersLate = false;
  /** Whether it asked for the state, though it may know it. */
  asksForState = false;
  /** What it has read, if it promised to say so. */
  window: ClientWindow | undefined;
  /** Whether it was sent the log while it did not keep up, and perhaps the list of members in place of changes. */
  hasStalled = false;
  /** Whether it reads nothing now: of what is recorded the first part may have come. */
  isStalled = false;
  /** While it read nothing: where it was found to have fallen behind. */
  readonly stalls: Stall[] = [];
  /** How many large messages it asked for again. */
  reread = 0;
  /** Where the log ended when the connection was cut off: what was recorded at that moment may have come, or not. */
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

  /** Notes what it is to be told of who comes and goes. */
  owe(change: Change, step: number): void {
    const last = this.changes.findLast((each) => each.change.id === change.id);
    if (last?.step === step && last.change.what === "updated") last.isOptional = true;
    this.changes.push({ change, step, isOptional: false });
  }

  /** Who leaves need not be told of what changed in the same step. */
  excuse(step: number): void {
    for (const each of this.changes) if (each.step === step) each.isOptional = true;
  }

  /** It does not keep up in this step: volatile messages and changes of members may be left out. */
  stall(step: number): void {
    this.hasStalled = true;
    this.excuse(step);
    this.missVolatile(step);
  }

  /** More than half a window was unread in this step: volatile messages may be left out. */
  missVolatile(step: number): void {
    for (const each of this.volatile) if (each.step === step) each.isOptional = true;
  }

  /** Notes a volatile message that it is to be sent. */
  oweVolatile(owed: OwedVolatile): void {
    for (const each of this.volatile)
      if (owed.slot !== undefined && each.slot === owed.slot && each.step === owed.step)
        each.isOptional = true;
    this.volatile.push(owed);
  }

  /** Every frame it read. */
  get frames(): readonly ServerFrame[] {
    return this.socket.inbox.all;
  }

  /** Every recorded frame it read. */
  get recorded(): readonly RecordedFrame[] {
    return this.frames.filter(isRecorded);
  }

  /** What an EventSource would come back with; `undefined` over a WebSocket, or once it is to stay away. */
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
