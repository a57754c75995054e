import { expect } from "vitest";
import type { ParlorError, Room } from "../../../src/client/index.ts";
import { ERRORS, type ErrorRow } from "../../../src/protocol/errors.ts";
import type { ErrorFrame, ServerFrame } from "../../../src/protocol/frames.ts";

/** An event that an application has received. */
export interface Emitted {
  readonly type: string;
  readonly event: unknown;
}

/** What an act of the application has led to. */
export interface Outcome {
  offset?: number | undefined;
  error?: ParlorError;
}

/** What an application sees of its room. */
export interface Seen {
  readonly room: Room;
  /** The events since the frame arrived. */
  readonly events: readonly Emitted[];
  /** By the refs of the case. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
}

/** Fails unless both are equal. */
export function expectSame(actual: unknown, wanted: unknown, what: string): void {
  expect({ [what]: actual }).toEqual({ [what]: wanted });
}

/** Fails unless the application received these messages and no others. */
export function expectMessages(events: readonly Emitted[], messages: readonly object[]): void {
  expect(events.filter(({ type }) => type === "message").map(({ event }) => event)).toMatchObject(messages);
}

/** Fails unless the application sees the effect of a frame. */
export function expectEffect(frame: ServerFrame, { room, events, outcomes }: Seen): void {
  if (frame.type === "welcome") {
    const { member, recovered } = frame;
    const welcome = events.find(({ type }) => type === "welcome")?.event;
    expect(welcome).toMatchObject({ member, ...(recovered !== undefined && { recovered }) });
    expect(room.self).toBe(member);
  } else if (frame.type === "presence") expect(room.count).toBe(frame.count);
  else if (frame.type === "state") {
    for (const [key, value] of Object.entries(frame.set ?? {}))
      expect<unknown>(room.shared.get(key)).toMatchObject({ value, version: frame.offset });
    for (const key of frame.delete ?? []) expect(room.shared.has(key)).toBe(false);
  } else if (frame.type === "ack" && frame.ref !== undefined) {
    expect(outcomes.get(frame.ref)).toEqual({ offset: frame.offset });
  } else if (frame.type === "error" && frame.ref !== undefined) {
    expectRejection(frame, outcomes.get(frame.ref));
  }
}

/** A final error rejects the promise of its act. After any other one the act is still pending. */
function expectRejection({ code, versions, retryAfterMs }: ErrorFrame, outcome: Outcome | undefined): void {
  const row: ErrorRow | undefined = ERRORS[code];
  const isFinal = row?.recovery === "fix" || row?.recovery === "do not retry";
  if (retryAfterMs === undefined && isFinal) {
    expect<unknown>(outcome).toMatchObject({ error: { code, versions } });
  } else expect(outcome).toEqual({});
}
