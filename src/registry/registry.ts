import { DurableObject } from "cloudflare:workers";
import type { RegistryApi, Revocation } from "../auth/revocations.ts";

/** The maximum revocations, because every isolate of the Worker and of the rooms keeps a copy of them. */
const MAX_REVOCATIONS = 10_000;

/** The one object of a server that stores what has been revoked. */
export class Registry extends DurableObject implements RegistryApi {
  #list: Revocation[] | undefined;

  async revoke(
    { kind, id }: Pick<Revocation, "kind" | "id">,
    keepMs: number,
  ): Promise<Revocation | undefined> {
    const { sql } = this.ctx.storage;
    const now = Date.now();
    const newest = this.#read().at(-1)?.at ?? 0;
    const list = this.#read().filter(
      (known) => known.until > now && !(known.kind === kind && known.id === id),
    );
    if (list.length >= MAX_REVOCATIONS) return undefined;
    // Never earlier than an older one: a refresh requests everything from the newest known time on.
    const at = Math.max(now, newest);
    const revocation: Revocation = { kind, id, at, until: at + keepMs };
    this.ctx.storage.transactionSync(() => {
      sql.exec("DELETE FROM revocation WHERE until <= ?", now);
      sql.exec("INSERT OR REPLACE INTO revocation VALUES (?, ?, ?, ?)", kind, id, at, revocation.until);
    });
    this.#list = [...list, revocation];
    return revocation;
  }

  async since(at: number): Promise<readonly Revocation[]> {
    const now = Date.now();
    return this.#read().filter((known) => known.at >= at && known.until > now);
  }

  /** All revocations ordered by time. Read once after each start of the object. */
  #read(): readonly Revocation[] {
    if (this.#list !== undefined) return this.#list;
    const { sql } = this.ctx.storage;
    sql.exec(`CREATE TABLE IF NOT EXISTS revocation (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      at INTEGER NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID`);
    const rows = sql.exec<Row>("SELECT kind, id, at, until FROM revocation ORDER BY at");
    return (this.#list = rows.toArray());
  }
}

interface Row extends Record<string, SqlStorageValue>, Revocation {
  readonly kind: Revocation["kind"];
  readonly id: string;
  readonly at: number;
  readonly until: number;
}
