import type { TransportName } from "../../client/index.ts";
import type { HistoryMode } from "../../protocol/contract.ts";
import type { TransportChoice } from "./address.ts";
import type { Profile } from "./identity.ts";
import type { Colour } from "./names.ts";

/** How things stand with the connection, as far as it makes a difference to people. */
export type Line =
  | { readonly phase: "joining" }
  | { readonly phase: "open" }
  /** Cut by the button. `until` is on the clock of `performance.now()`. */
  | { readonly phase: "dropped"; readonly until: number }
  /** Lost. `isSlow` when the room closed it because this window did not read. */
  | { readonly phase: "reconnecting"; readonly isSlow?: boolean }
  /** Just back from a drop, after so long and with so many messages; for a few seconds, then `open`. */
  | { readonly phase: "back"; readonly awayMs: number; readonly recovered: number; readonly isWhole: boolean }
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

/** Everything that more than one part of the page shows. */
export interface View {
  readonly room: string;
  readonly profile: Profile;
  readonly choice: TransportChoice;
  readonly line: Line;
  /** The transport in use. */
  readonly transport: TransportName | undefined;
  readonly latencyMs: number | undefined;
  readonly self: string | undefined;
  /** Everyone here, this member first; nobody while there is a crowd. */
  readonly people: readonly Person[];
  readonly count: number;
  /** Whether so many are here that the room tells only how many. */
  readonly isCrowd: boolean;
  /** Whether somebody else has been here since the page was opened. */
  readonly hadCompany: boolean;
  /** Whether the room had messages when this member came. */
  readonly hasPast: boolean;
  /** How the room keeps messages; `undefined` before the first welcome. */
  readonly history: HistoryMode | undefined;
  readonly position: string | undefined;
  /** Messages recovered since the page was opened. */
  readonly recovered: number;
  readonly isOnline: boolean;
}

/** Whether what is shown of the others is how they are now. */
export function isLive({ phase }: Line): boolean {
  return phase === "open" || phase === "back";
}
