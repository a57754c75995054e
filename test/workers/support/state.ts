import type { Json } from "../../../src/protocol/json.ts";
import type { ServerFrame, StateSnapshot } from "../../../src/protocol/frames.ts";
import { inRoom, request, roomPath, type Serve } from "./rooms.ts";

/** The shared state as a client knows it: each key with its value and its version. */
export type Shared = ReadonlyMap<string, readonly [value: Json, version: number]>;

/** The response of GET /rooms/{room}/state. */
export interface StateAnswer {
  readonly shared: Shared;
  readonly stateOffset: number;
  readonly position: string | null;
}

/** Reads the shared state over HTTP. */
export async function stateOf(room: string, to?: Serve): Promise<StateAnswer> {
  const response = await request(roomPath(room, "/state"), {}, to);
  const { state, ...rest } = await response.json<Omit<StateAnswer, "shared"> & { state: StateSnapshot }>();
  return { shared: sharedOf(state), ...rest };
}

/** The state in a snapshot. */
function sharedOf(snapshot: StateSnapshot | undefined): Shared {
  return new Map(Object.entries(snapshot ?? {}));
}

/**
 * The state as a client tracks it by rule T4. A snapshot replaces it. A state frame changes it if its offset is above
 * the current one.
 */
export class StateFold {
  readonly shared = new Map<string, readonly [value: Json, version: number]>();
  /** The offset of the known state. */
  offset = 0;

  /** Applies frames in the order in which they arrived. */
  read(frames: readonly ServerFrame[]): this {
    for (const frame of frames) {
      if (frame.type === "welcome" && frame.state !== undefined) {
        this.shared.clear();
        for (const [key, entry] of sharedOf(frame.state)) this.shared.set(key, entry);
        this.offset = frame.stateOffset ?? 0;
      } else if (frame.type === "state" && frame.offset > this.offset) {
        this.offset = frame.offset;
        for (const [key, value] of Object.entries(frame.set ?? {}))
          this.shared.set(key, [value, frame.offset]);
        for (const key of frame.delete ?? []) this.shared.delete(key);
      }
    }
    return this;
  }
}

/**
 * Makes the room's storage reject new rows of a table, as if the disk were full, until the returned function is called.
 */
export async function refuseRows(room: string, table: "segment" | "state"): Promise<() => Promise<void>> {
  await inRoom(room, ({ storage }) =>
    storage.sql.exec(
      `CREATE TRIGGER full BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
    ),
  );
  return async () => void (await inRoom(room, ({ storage }) => storage.sql.exec("DROP TRIGGER full")));
}
