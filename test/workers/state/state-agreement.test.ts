import fc from "fast-check";
import { expect, it } from "vitest";
import { randomKey } from "../../../src/protocol/ids.ts";
import type { Json } from "../../../src/protocol/json.ts";
import type { Act, Member } from "../../support/member.ts";
import { crash, evict, uniqueRoom } from "../support/rooms.ts";
import { joinSse } from "../support/sse.ts";
import { StateFold, stateOf } from "../support/state.ts";
import { join } from "../support/websocket.ts";

/** A client that maintains the state by rule T4 over all its connections. */
class Follower {
  readonly key = randomKey();
  readonly fold = new StateFold();
  readonly #room: string;
  readonly #transport: "websocket" | "sse";
  #member: Member | undefined;
  #read = 0;
  #ref = 0;

  constructor(room: string, transport: "websocket" | "sse" = "websocket") {
    this.#room = room;
    this.#transport = transport;
  }

  get member(): Member {
    if (this.#member === undefined) throw new Error("it has not joined");
    return this.#member;
  }

  /** Joins, or reconnects at its position. */
  async join(asksForState = false): Promise<void> {
    this.catchUp();
    const position = this.#member?.position;
    const options = {
      key: this.key,
      ...(asksForState && { query: { state: "1" } }),
      ...(position !== undefined && { after: position }),
    };
    this.#member = await (this.#transport === "sse" ? joinSse : join)(this.#room, options);
    this.#read = 0;
  }

  /** Reads the frames that have arrived. */
  catchUp(): void {
    const { all } = this.#member?.inbox ?? { all: [] };
    this.fold.read(all.slice(this.#read));
    this.#read = all.length;
  }

  /** Sends an act. Resolves with `ack`, or the code of the error. */
  async act(act: Act): Promise<string> {
    const answer = await this.member.act(act, ++this.#ref);
    return answer.type === "ack" ? "ack" : answer.code;
  }
}

const anyKey = fc.constantFrom("a", "b", "c", "__proto__", "é\ud800");

const anySet = fc.record({
  is: fc.constant("set" as const),
  set: fc.uniqueArray(fc.tuple(anyKey, fc.jsonValue()), { maxLength: 3, selector: ([key]) => key }),
  deleted: fc.uniqueArray(anyKey, { maxLength: 2 }),
  compared: fc.option(fc.record({ key: anyKey, isRight: fc.boolean() }), { nil: undefined }),
  own: fc.boolean(),
});

const anyOther = fc.record({
  is: fc.constantFrom("publish", "newcomer", "return", "return for the state", "leave", "sleep", "crash"),
});

/** What may happen; `who` is the follower to which it happens. */
const anyStep = fc.record({ who: fc.nat(2), what: fc.oneof(anySet, anyOther) });

type Generated<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

/** Sends a change of the state. If the room rejects it, expects the state to be unchanged. */
async function change(room: string, follower: Follower, what: Generated<typeof anySet>): Promise<void> {
  const { set, deleted, compared, own } = what;
  const { shared } = await stateOf(room);
  const rest = deleted.filter((key) => set.every(([other]) => other !== key));
  if (set.length + rest.length === 0) return;
  const version = (shared.get(compared?.key ?? "")?.[1] ?? 0) + Number(compared?.isRight === false);

  const answer = await follower.act({
    type: "set",
    set: Object.fromEntries(set) as Json,
    delete: rest,
    own,
    ...(compared && { if: Object.fromEntries([[compared.key, version]]) }),
  });

  expect(answer).toBeOneOf(compared?.isRight === false ? ["conflict"] : ["ack", "not_owner"]);
  expect(answer === "ack" ? shared : (await stateOf(room)).shared).toEqual(shared);
}

/** Runs the steps, then expects all clients to know the same state. */
async function run(steps: readonly Generated<typeof anyStep>[], kind: string | undefined): Promise<void> {
  const room = uniqueRoom(kind);
  const followers = [new Follower(room), new Follower(room, "sse"), new Follower(room)];
  for (const follower of followers) await follower.join();
  for (const { who, what } of steps) {
    const follower = followers[who] as Follower;
    if (what.is === "set") await change(room, follower, what as Generated<typeof anySet>);
    else if (what.is === "publish") await follower.act({ type: "publish", event: "e" });
    else if (what.is === "newcomer") followers.push(await newcomer(room));
    else if (what.is === "return" || what.is === "return for the state") {
      await follower.join(what.is !== "return");
    } else if (what.is === "leave") {
      await follower.act({ type: "leave" }).catch(() => undefined); // the reply to a leave is the close
      await follower.member.closed;
      await follower.join();
    } else if (what.is === "sleep") await evict(room).catch(() => undefined); // it may already be asleep
    else {
      await crash();
      for (const each of followers) await each.join();
    }
  }
  followers.push(await newcomer(room));
  await followers.at(-1)?.act({ type: "publish", event: "mark" });
  const { shared, stateOffset } = await stateOf(room);

  for (const follower of followers) {
    await follower.member.inbox.until(({ position }) => position.endsWith(`:${stateOffset}`));
    follower.catchUp();
    expect(follower.fold.shared).toEqual(shared);
  }
  const reader = await join(room, { query: { rewind: "1000" } });
  await reader.inbox.take("position");
  expect(new StateFold().read(reader.inbox.all.filter(({ type }) => type === "state")).shared).toEqual(
    shared,
  );
}

async function newcomer(room: string): Promise<Follower> {
  const follower = new Follower(room);
  await follower.join();
  return follower;
}

it(
  "[T4 T1 T2 T3 G1 G4 G5 G6] snapshots with later frames, replays and HTTP agree on the state, whatever happens",
  { timeout: 60_000 },
  async () => {
    const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(anySteps, fc.boolean(), (steps, hasGrace) =>
        run(steps, hasGrace ? "chat" : undefined),
      ),
      { numRuns: 30, endOnFailure: false },
    );
  },
);
