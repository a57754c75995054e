/** The rows that statements wrote and read, as the platform counts them. */
export interface RowCounts {
  inserted: number;
  updated: number;
  deleted: number;
  /** By other statements, such as the creation of a table. */
  otherWritten: number;
  read: number;
}

/** No rows. */
export const NO_ROWS: Readonly<RowCounts> = {
  inserted: 0,
  updated: 0,
  deleted: 0,
  otherWritten: 0,
  read: 0,
};

/** What one room was billed for since its last reading: a line of the server's output. */
export interface Reading {
  readonly room: string;
  /** Unix milliseconds. */
  readonly at: number;
  /** How many times the platform called each method. `loaded` counts constructions. */
  readonly events: Readonly<Record<string, number>>;
  /** How long the calls took, in milliseconds. */
  readonly runMs: number;
  readonly rows: Readonly<RowCounts>;
  readonly alarmsSet: number;
}

/** A line of the server's output that separates the readings before a moment from those after it. */
export interface Mark {
  readonly mark: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What a room was billed for in some span of time. */
export type Totals = Omit<Reading, "room" | "at">;

/** The readings and marks among a server's output, in order. */
export function parseReadings(output: string): (Mark | { readonly meter: Reading })[] {
  return output.split("\n").flatMap((line) => {
    const isOurs = line.startsWith('{"meter":') || line.startsWith('{"mark":');
    return isOurs && line.endsWith("}") ? [JSON.parse(line) as Mark | { readonly meter: Reading }] : [];
  });
}

/** Adds up readings. */
export function totalOf(readings: readonly Reading[]): Totals {
  const events: Record<string, number> = {};
  const rows = { ...NO_ROWS };
  let [runMs, alarmsSet] = [0, 0];
  for (const reading of readings) {
    for (const [name, times] of Object.entries(reading.events)) events[name] = (events[name] ?? 0) + times;
    rows.inserted += reading.rows.inserted;
    rows.updated += reading.rows.updated;
    rows.deleted += reading.rows.deleted;
    rows.otherWritten += reading.rows.otherWritten;
    rows.read += reading.rows.read;
    runMs += reading.runMs;
    alarmsSet += reading.alarmsSet;
  }
  return { events, runMs, rows, alarmsSet };
}

/** The rows billed as written. Setting an alarm counts as one. */
export function rowsWritten({ rows, alarmsSet }: Totals): number {
  return rows.inserted + rows.updated + rows.deleted + rows.otherWritten + alarmsSet;
}

/** The requests billed to the object for events. 20 WebSocket messages are billed as one request. */
export function requestsOf({ events }: Totals): number {
  let requests = 0;
  for (const [name, times] of Object.entries(events)) {
    if (name === "webSocketMessage") requests += times / MESSAGES_PER_REQUEST;
    else if (!FREE_EVENTS.has(name)) requests += times;
  }
  return requests;
}

const MESSAGES_PER_REQUEST = 20;

/** Events that are not billed as requests: the end of a connection is included in its beginning. */
const FREE_EVENTS = new Set(["loaded", "webSocketClose", "webSocketError"]);
