import closes from "./closes.json" with { type: "json" };
import errors from "./errors.json" with { type: "json" };
import flow from "./flow.json" with { type: "json" };
import history from "./history.json" with { type: "json" };
import join from "./join.json" with { type: "json" };
import liveness from "./liveness.json" with { type: "json" };
import presence from "./presence.json" with { type: "json" };
import publish from "./publish.json" with { type: "json" };
import resume from "./resume.json" with { type: "json" };
import sse from "./sse.json" with { type: "json" };
import state from "./state.json" with { type: "json" };
import type { Case, CaseFile, TransportName } from "./format.ts";

/** Every file of cases, by its name. */
export const FILES: Readonly<Record<string, CaseFile>> = {
  ...{ closes, errors, flow, history, join, liveness, presence, publish, resume, sse, state },
} as unknown as Record<string, CaseFile>;

/** A case over one transport, and the title of its test. */
export interface Run {
  readonly title: string;
  readonly transport: TransportName;
  readonly case: Case;
}

/** The cases for servers or for clients, over each of the given transports that they name. */
export function runsFor(side: "server" | "client", transports: readonly TransportName[]): Run[] {
  return Object.values(FILES)
    .flatMap(({ cases }) => cases)
    .filter((each) => each.for === undefined || each.for === side)
    .flatMap((each) =>
      transports
        .filter((transport) => each.transports?.includes(transport) ?? true)
        .map((transport) => ({
          title: `[${each.rules.join(" ")}] ${each.title} (${transport})`,
          transport,
          case: each,
        })),
    );
}
