import { toBase64url } from "./base64.ts";

const KEY = /^[A-Za-z0-9_-]{22}$/;

/** Characters of a session's or member's id: 22 of base64url are 132 bits of a SHA-256. */
const ID_CHARS = 22;

/** Who a connection is: both ids follow from room, user and key alone, so they survive any crash. */
export interface Identity {
  /** Names the session in `Parlor-Session`; known to its client alone. */
  readonly session: string;
  /** Names the member to everyone in the room. */
  readonly member: string;
}

/** Whether a client's `key` has the form of 128 random bits in base64url. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** Whether a text has the form of a member's id. */
export function isMemberId(text: string): boolean {
  return text.length === ID_CHARS && KEY.test(text);
}

/** Draws a key for a client that brought none. */
export function randomKey(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}

/** Draws an epoch: 96 random bits, never a counter, so that two logs of one room are never mistaken for each other. */
export function randomEpoch(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(12)));
}

/**
 * Derives who a connection is in a room. A room's name holds no newline and a key has one length, so no two
 * triples are joined to the same text, whatever the user is called.
 *
 * @param user the verified user, or "" for an anonymous one
 */
export async function deriveIdentity(room: string, user: string, key: string): Promise<Identity> {
  const session = await digest(`parlor1\n${room}\n${user}\n${key}`);
  return { session, member: await digest(`member\n${session}`) };
}

/**
 * Names a request that has an `Idempotency-Key`, so that its acts are found again when it is repeated. In the form of a
 * session's id, and never one.
 */
export function deriveRequestName(member: string, idempotencyKey: string): Promise<string> {
  return digest(`request\n${member}\n${idempotencyKey}`);
}

/**
 * Names in a room who answers for a connection: its verified user, else the address it comes from, which the room so
 * never learns.
 */
export function deriveSource(room: string, user: string, address: string): Promise<string> {
  return digest(`source\n${room}\n${user === "" ? address : `@${user}`}`);
}

/** The key of a ticket's holder who brought none: the same each time, so that a plain EventSource comes back as itself. */
export function deriveTicketKey(ticket: string): Promise<string> {
  return digest(`ticket\n${ticket}`);
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toBase64url(new Uint8Array(hash)).slice(0, ID_CHARS);
}
