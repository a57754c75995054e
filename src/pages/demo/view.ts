import type { TransportName } from "../../client/index.ts";
import type { HistoryMode } from "../../protocol/contract.ts";
import type { TransportChoice } from "./address.ts";
import type { Profile } from "./identity.ts";
import type { Colour } from "./names.ts";

/** The state of the connection as the page shows it. */
export type ConnectionView =
  | { readonly phase: "joining" }
  | { readonly phase: "open" }
  /** Interrupted by the button. `until` is on the clock of `performance.now()`. */
  | { readonly phase: "dropped"; readonly until: number }
  /** Lost. `isSlow` if the room closed it because this window read too slowly. */
  | { readonly phase: "reconnecting"; readonly isSlow?: boolean }
  /** Reconnected after `awayMs`, with this many recovered messages. Becomes `open` after a few seconds. */
  | {
      readonly phase: "reconnected";
      readonly awayMs: number;
      readonly recovered: number;
      readonly isWhole: boolean;
    }
  | { readonly phase: "full"; readonly why: string }
  | { readonly phase: "replaced" }
  | { readonly phase: "refused"; readonly why: string };

/** A member as the page shows it. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly colour: Colour;
  readonly isSelf: boolean;
}

/** The state that several parts of the page share. */
export interface View {
  readonly room: string;
  readonly profile: Profile;
  readonly choice: TransportChoice;
  readonly connection: ConnectionView;
  /** The transport in use. */
  readonly transport: TransportName | undefined;
  readonly rttMs: number | undefined;
  readonly self: string | undefined;
  /** All members, this one first. Empty if the room sends only their number. */
  readonly people: readonly Person[];
  readonly count: number;
  /** Whether the room has so many members that it sends only their number. */
  readonly isCrowd: boolean;
  /** Whether another member has been in the room since the page was opened. */
  readonly hadCompany: boolean;
  /** Whether the room had messages when this member joined. */
  readonly hasPast: boolean;
  /** The history of the room; `undefined` before the first welcome. */
  readonly history: HistoryMode | undefined;
  readonly position: string | undefined;
  /** Messages recovered since the page was opened. */
  readonly recovered: number;
  readonly isOnline: boolean;
}

/** Whether the page shows the current state of the other members. */
export function isLive({ phase }: ConnectionView): boolean {
  return phase === "open" || phase === "reconnected";
}
