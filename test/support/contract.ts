import { vi } from "vitest";
import { ParlorError, type JoinOptions, type Json } from "../../src/client/index.ts";
import { proto } from "../../src/client/proto.ts";
import { startBareRuntime } from "./bare-runtime.ts";
import { MixedRoom, PATIENCE, type Guest } from "./mixed-room.ts";
import type { ServerProcess } from "./server-process.ts";

/** The budget of a session: messages at once, and per second. */
export const BUDGET = 100;

export const SECRET = "a-secret-for-tests-of-32-characters";

export const CONNECTIONS: readonly (readonly [string, JoinOptions])[] = [
  ["WebSocket", { transports: ["websocket"] }],
  ["WebSocket with binary frames", { transports: ["websocket"], dialect: proto }],
  ["SSE", { transports: ["sse"] }],
  ["long-poll", { transports: ["long-poll"] }],
];

/** How the client under test has come to be in the room. */
const LIVES: readonly (readonly [string, (room: MixedRoom, options: JoinOptions) => Promise<Guest>])[] = [
  ["a fresh client", (room, options) => room.enter(options)],
  [
    "a client that has reconnected",
    async (room, options) => {
      const client = await room.enter(options);
      // Nothing is lost between two polls, so this may take several attempts.
      await vi.waitUntil(
        () => {
          const isBack = client.welcomes.length > 1;
          if (!isBack) room.network.drop();
          return isBack;
        },
        { ...PATIENCE, interval: 200 },
      );
      return client;
    },
  ],
  [
    "a client that resumes a saved session",
    async (room, options) => {
      const { room: saved } = await room.enter(options);
      const { key, position } = saved;
      // The connection is lost, so that the page that ends cannot leave the room.
      room.network.cut();
      saved.close();
      room.network.mend();
      return room.enter({ ...options, key, position });
    },
  ],
];

/** Starts the server of the contract tests. */
export function startContractServer(): Promise<ServerProcess> {
  const budget = String(BUDGET);
  return startBareRuntime({
    vars: {
      ADDRESS_LIMITS: "off",
      MESSAGES_PER_SECOND: budget,
      MESSAGES_BURST: budget,
      TOKEN_SECRETS: SECRET,
    },
  });
}

/** The code of the error with which an act is rejected. */
export function codeOf(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => "accepted",
    (error: unknown) => (error instanceof ParlorError ? error.code : String(error)),
  );
}

/** Makes a request, and repeats it if it times out: what is sent between two polls of a member does not reach it. */
export async function ask({ room }: Guest, member: string, event: string, data: Json): Promise<Json> {
  for (;;) {
    try {
      return await room.request(member, event, data, { timeoutMs: 1_000 });
    } catch (error) {
      if (!(error instanceof ParlorError) || error.code !== "timeout") throw error;
    }
  }
}

/** The parts of a message that are the same for every member. */
export function seenBy({ messages }: Guest): unknown[] {
  return messages.map(({ offset, from, event, data }) => ({ offset, from, event, data }));
}

export const CASES = CONNECTIONS.flatMap(([connection, options]) =>
  LIVES.map(([life, enter]) => [life, connection, { options, enter }] as const),
);

/** One of {@link CASES}: a connection, and how the client has come to be in the room. */
export type ContractCase = (typeof CASES)[number][2];

/** A room with the client under test, and one other member over each transport. */
export async function begin(server: ServerProcess, { options, enter }: ContractCase, own: JoinOptions = {}) {
  const room = await MixedRoom.open(server);
  const client = await enter(room, { ...options, ...own });
  const others = await room.crowd();
  const everyone = [client, ...others];
  return { room, client, others, everyone, [Symbol.asyncDispose]: () => room[Symbol.asyncDispose]() };
}
