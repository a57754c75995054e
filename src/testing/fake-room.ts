import type { CloseName } from "../protocol/close-codes.ts";
import type { MemberEntry, MessageFrame, StateFrame } from "../protocol/frames.ts";
import type { Json } from "../protocol/json.ts";

/** How the room itself publishes a message. */
export interface PublishOptions {
  /** The addressees. @default all members */
  readonly to?: readonly string[];
  /** Whether the message is volatile: not recorded, and delivered at most once. @default false */
  readonly volatile?: boolean;
}

/** One room of a fake server: what a test may look at, and what it may cause. */
export interface FakeRoom {
  readonly name: string;
  /** The members, including those in their grace period. */
  readonly members: readonly MemberEntry[];
  /** The number of open connections, including those that only watch. */
  readonly connections: number;
  /** The recorded messages and state changes, as members received them. */
  readonly log: readonly (MessageFrame | StateFrame)[];
  /** The shared state: values by key. */
  readonly state: ReadonlyMap<string, Json>;

  /** Publishes a message of the room itself, as a hook of a kind does. Its `from` is `room`. */
  publish(event: string, data: Json, options?: PublishOptions): void;

  /** Changes the shared state, as a hook of a kind does. */
  set(values: Readonly<Record<string, Json>>, options?: { readonly delete?: readonly string[] }): void;

  /** Cuts connections without a close, as a network failure does. Their members enter their grace period. */
  drop(member?: string): void;

  /** Ends the grace period of members without a connection. Other members are notified that they left (`timeout`). */
  endGrace(member?: string): void;

  /**
   * Closes connections with a close of PROTOCOL.md, for example `kicked`. After a close that says *do not retry* the members
   * have left (`removed`). After any other close they are in their grace period.
   */
  close(name: CloseName, member?: string): void;

  /** Deletes the recorded messages, as retention does. A client with an older position then has `recovered: false`. */
  trim(): void;
}
