import type { Json } from "../../src/protocol/json.ts";

/** A value that a frame may have, or a matcher in its place. README.md explains both. */
export type Pattern = Json;

/** A frame as a case has it. */
export type FramePattern = { readonly type: string; readonly [field: string]: Pattern };

/** The transports that a case may run over. */
export type TransportName = "websocket" | "sse" | "long-poll";

/** One step of a case: something that a client or the server does, or receives. */
export type Step =
  | {
      readonly client: string;
      readonly connect: Readonly<Record<string, Pattern>>;
      readonly notBeforeMs?: number;
    }
  | { readonly client: string; readonly receives: readonly FramePattern[] }
  | { readonly client: string; readonly events: readonly { readonly id: Pattern; readonly data: Pattern }[] }
  | { readonly client: string; readonly sends: FramePattern | readonly FramePattern[] | string }
  | { readonly client: string; readonly sendsByItself: FramePattern | string; readonly notBeforeMs?: number }
  | { readonly client: string; readonly loses: "connection" }
  | { readonly client: string; readonly closes: number }
  | { readonly client: string; readonly closed: { readonly code?: number; readonly retry: boolean } }
  | { readonly server: "endGrace" | "restart" };

/** One behaviour, in an unused room. */
export interface Case {
  readonly title: string;
  readonly rules: readonly string[];
  /** Which implementations the case is for. Absent if it is for both. */
  readonly for?: "server" | "client";
  /** Absent for all transports. */
  readonly transports?: readonly TransportName[];
  readonly steps: readonly Step[];
}

/** A file of cases. */
export interface CaseFile {
  readonly title: string;
  readonly cases: readonly Case[];
}
