import { describe, expect, it } from "vitest";
import { RoomBudgets } from "../../../src/limits/room-budgets.ts";
import { Counters } from "../../../src/metrics/counters.ts";
import { ActAdmission, type Act } from "../../../src/room/access/act-admission.ts";
import { Attempts } from "../../../src/room/access/attempts.ts";
import { Penalties } from "../../../src/room/access/penalties.ts";
import type { ServerActor } from "../../../src/room/api.ts";
import { Sessions } from "../../../src/room/connections/sessions.ts";
import { Members } from "../../../src/room/presence/members.ts";
import { Tables } from "../../../src/room/tables.ts";
import { readConfig } from "../../support/config.ts";
import { kindsRoom } from "../support/kinds.ts";
import { uniqueRoom } from "../support/rooms.ts";

const NOW = 1_000_000;

const LIMITS = { messagesBurst: 3, roomMessagesBurst: 5 };

const PUBLISH: Act = { type: "publish", event: "e", data: 1, volatile: false };
const SET: Act = { type: "set", ref: 1, set: new Map([["k", 1]]), delete: [], if: new Map(), own: false };
const HISTORY: Act = { type: "history", ref: 1, limit: 1 };
const PRESENCE: Act = { type: "presence", data: 1 };
const AUTH: Act = { type: "auth", token: "t" };
const LEAVE: Act = { type: "leave" };

function server(scopes: ServerActor["scopes"], source = "key-1"): ServerActor {
  return { type: "server", scopes, source };
}

/** Does the work with the admission of an empty room. */
function inRoom<Value>(work: (admission: ActAdmission) => Value): Promise<Awaited<Value>> {
  const kind = readConfig({}, { default: { text: "few acts", ...LIMITS } }).kinds.get("default");
  if (kind === undefined) throw new Error("no kind");
  return kindsRoom(uniqueRoom()).inside((state) => {
    const tables = new Tables(state.storage);
    const sessions = new Sessions(() => state.getWebSockets(), kind);
    const members = new Members(tables, sessions, kind);
    members.load(NOW);
    const attempts = new Attempts({ sessions, members });
    const penalties = new Penalties(tables, kind, new Counters());
    const budgets = new RoomBudgets(kind);
    return work(new ActAdmission(kind, { sessions, attempts, members, budgets, penalties }));
  });
}

describe("servers", () => {
  it.each([
    ["publish", PUBLISH, ["publish"]],
    ["set", SET, ["publish"]],
    ["history", HISTORY, ["read"]],
  ] as const)(
    "[G12] a server without a session may %s with a key that has the scope",
    async (_act, act, scopes) => {
      const admitted = await inRoom((admission) => {
        const sent = admission.admitFrame(server(scopes), undefined, 100, NOW);
        return [sent.refusal, admission.admitAct(sent, act)];
      });

      expect(admitted).toEqual([undefined, undefined]);
    },
  );

  it.each([
    ["publish", PUBLISH, 'publish needs the scope "publish"; use a key that has it'],
    ["set", SET, 'set needs the scope "publish"; use a key that has it'],
    ["history", HISTORY, 'history needs the scope "read"; use a key that has it'],
    ["presence", PRESENCE, "a server has no session, which presence needs"],
    ["auth", AUTH, "a server has no session, which auth needs"],
    ["leave", LEAVE, "a server has no session, which leave needs"],
  ] as const)("[G12] a server whose key does not allow it may not %s", async (_act, act, message) => {
    const refusal = await inRoom((admission) =>
      admission.admitAct(admission.admitFrame(server(["moderate"]), undefined, 100, NOW), act),
    );

    expect(refusal).toEqual({ code: "forbidden", message });
  });

  it("[G10] a key over its message budget is rejected, and another key is not", async () => {
    const limits = await inRoom((admission) => {
      const publish = (source: string): string | undefined => {
        const sent = admission.admitFrame(server(["publish"], source), undefined, 100, NOW);
        return admission.admitAct(sent, PUBLISH)?.limit;
      };
      return ["a", "a", "a", "a", "b"].map(publish);
    });

    expect(limits).toEqual([undefined, undefined, undefined, "messagesPerSecond", undefined]);
  });

  it("[G10] the publishes of servers spend the message budget of the room", async () => {
    const limits = await inRoom((admission) => {
      const publish = (source: string): string | undefined => {
        const sent = admission.admitFrame(server(["publish"], source), undefined, 100, NOW);
        return admission.admitAct(sent, PUBLISH)?.limit;
      };
      return ["a", "a", "a", "b", "b", "b"].map(publish);
    });

    expect(limits.slice(4)).toEqual([undefined, "roomMessagesPerSecond"]);
  });
});

describe("sessions", () => {
  const absent = { session: "s".repeat(22), member: "m".repeat(16), user: "" };

  it.each([
    ["presence", PRESENCE, { code: "not_joined" }],
    ["history", HISTORY, { code: "not_joined" }],
    ["leave", LEAVE, { code: "not_joined" }],
    ["auth without a user", AUTH, { code: "forbidden", isAbuse: true }],
  ] as const)("[H1 G12] a session that is not in the room may not send: %s", async (_act, act, refusal) => {
    const found = await inRoom((admission) =>
      admission.admitAct(admission.admitFrame(absent, undefined, 100, NOW), act),
    );

    expect(found).toMatchObject(refusal);
  });

  it("[G3] a publish of a session that has left is admitted, so that a retry receives its first reply", async () => {
    const found = await inRoom((admission) =>
      admission.admitAct(admission.admitFrame(absent, undefined, 100, NOW), PUBLISH),
    );

    expect(found).toBeUndefined();
  });

  it("[G10] the acts of sessions that are not in the room are paid by their source and not by the room", async () => {
    const limits = await inRoom((admission) =>
      ["a", "b", "c", "d", "e", "f", "g", "h"].map((session, index) => {
        const source = index < 4 ? "one" : session;
        const sent = admission.admitFrame({ ...absent, session, source }, undefined, 100, NOW);
        return admission.admitAct(sent, PUBLISH)?.limit;
      }),
    );

    expect(limits).toEqual([
      ...[undefined, undefined, undefined, "messagesPerSecond"],
      ...[undefined, undefined, undefined, undefined],
    ]);
  });
});
