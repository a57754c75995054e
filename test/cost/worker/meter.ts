import { NO_ROWS, type Reading, type RowCounts } from "../readings.ts";
import { realNow } from "./clock.ts";

/** A statement that ran since the last reading. */
interface Statement {
  readonly verb: string;
  readonly cursor: { readonly rowsRead: number; readonly rowsWritten: number };
}

/**
 * Counts what one lifetime of an object is billed for, and writes it to the console. Reading the console wakes no object.
 *
 * A reading is written at the end of each turn in which anything was counted, including turns of timers. It counts SQL
 * statements and alarms that are set, the only storage that rooms use.
 */
export class Meter {
  readonly #room: string;
  #statements: Statement[] = [];
  #events = new Map<string, number>();
  #runMs = 0;
  #alarmsSet = 0;
  #isDue = false;

  /** Watches an object's storage from now on. Create it first in the object's constructor. */
  constructor(ctx: DurableObjectState) {
    this.#room = ctx.id.name ?? "";
    this.#watchSql(ctx.storage.sql);
    this.#watchAlarms(ctx.storage);
    this.#noteEvent("loaded");
  }

  /** Runs the work of an event and counts it under the event's name. */
  handle(event: string, work: () => unknown): unknown {
    this.#noteEvent(event);
    const startedAt = realNow();
    const result = work();
    if (!(result instanceof Promise)) {
      this.#noteRun(startedAt);
      return result;
    }
    return result.finally(() => this.#noteRun(startedAt));
  }

  #watchSql(sql: SqlStorage): void {
    const exec = sql.exec.bind(sql);
    sql.exec = <Row extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) => {
      const cursor = exec<Row>(query, ...bindings);
      this.#statements.push({ verb: /\w+/.exec(query)?.[0].toUpperCase() ?? "", cursor });
      this.#expectReading();
      return cursor;
    };
  }

  #watchAlarms(storage: DurableObjectStorage): void {
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = (time, options) => {
      this.#alarmsSet++;
      this.#expectReading();
      return setAlarm(time, options);
    };
  }

  #noteEvent(event: string): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
    this.#expectReading();
  }

  #noteRun(startedAt: number): void {
    this.#runMs += realNow() - startedAt;
    this.#expectReading();
  }

  /** A cursor knows its row counts once it has been read to the end, which rooms do within the turn. */
  #expectReading(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#write());
  }

  #write(): void {
    const reading: Reading = {
      room: this.#room,
      at: realNow(),
      events: Object.fromEntries(this.#events),
      runMs: this.#runMs,
      rows: countRows(this.#statements),
      alarmsSet: this.#alarmsSet,
    };
    this.#isDue = false;
    this.#statements = [];
    this.#events = new Map();
    this.#runMs = 0;
    this.#alarmsSet = 0;
    console.log(JSON.stringify({ meter: reading }));
  }
}

/** The count that a statement's written rows belong to, by its first word. */
const COUNT_OF: Readonly<Record<string, keyof RowCounts>> = {
  INSERT: "inserted",
  REPLACE: "inserted",
  UPDATE: "updated",
  DELETE: "deleted",
};

function countRows(statements: readonly Statement[]): RowCounts {
  const rows = { ...NO_ROWS };
  for (const { verb, cursor } of statements) {
    rows[COUNT_OF[verb] ?? "otherWritten"] += cursor.rowsWritten;
    rows.read += cursor.rowsRead;
  }
  return rows;
}
