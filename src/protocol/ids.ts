import { toBase64url } from "./base64.ts";

const KEY = /^[A-Za-z0-9_-]{22}$/;

/** The length of a session's or member's id: 22 characters of base64url are 132 bits of a SHA-256. */
const ID_CHARS = 22;

/** The identity of a connection. Both ids are derived from room, user and key alone, so they survive any crash. */
export interface Identity {
  /** Names the session in `Parlor-Session`. Only its client knows it. */
  readonly session: string;
  /** Names the member to all members of the room. */
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

/** Generates a key for a client that sent none. */
export function randomKey(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(16)));
}

/** Generates an epoch: 96 random bits, never a counter, so that two logs of one room always differ. */
export function randomEpoch(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(12)));
}

/**
 * Derives the identity of a connection in a room. A room name contains no newline and a key has a fixed length, so two
 * different triples never produce the same text, whatever the user's name is.
 *
 * @param user the verified user, or "" for an anonymous client
 */
export async function deriveIdentity(room: string, user: string, key: string): Promise<Identity> {
  const session = await digest(`parlor1\n${room}\n${user}\n${key}`);
  return { session, member: await digest(`member\n${session}`) };
}

/**
 * Names a request with an `Idempotency-Key`, so that its acts are found again when it is repeated. The name has the form
 * of a session id, and never equals one.
 */
export function deriveRequestName(member: string, idempotencyKey: string): Promise<string> {
  return digest(`request\n${member}\n${idempotencyKey}`);
}

/**
 * Names the source of a connection in a room: its verified user, otherwise its address. The room never learns the
 * address itself.
 */
export function deriveSource(room: string, user: string, address: string): Promise<string> {
  return digest(`source\n${room}\n${user === "" ? address : `@${user}`}`);
}

/** The key of a ticket holder that sent none. It is the same each time, so a plain EventSource reconnects as the same member. */
export function deriveTicketKey(ticket: string): Promise<string> {
  return digest(`ticket\n${ticket}`);
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toBase64url(new Uint8Array(hash)).slice(0, ID_CHARS);
}
