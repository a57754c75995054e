import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { randomKey } from "../../../src/protocol/ids.ts";
import { joinWebSocket, type WebSocketJoin } from "./websocket.ts";

/** A member whose connection can be cut without a close frame, as by a failed network. */
export interface CuttableMember {
  readonly key: string;
  readonly member: string;
  cut(): Promise<void>;
}

/**
 * Joins from inside another Durable Object, which holds the client's end of the socket. When that object is aborted,
 * the room sees a lost connection.
 */
export async function joinCuttable(room: string, options: WebSocketJoin = {}): Promise<CuttableMember> {
  const carrier = env.ROOM.getByName(`carrier-${randomKey()}`) as DurableObjectStub;
  const { key, member } = await runInDurableObject(carrier, async () => {
    const joined = await joinWebSocket(room, options);
    const welcome = await joined.welcome();
    return { key: welcome.key, member: welcome.member };
  });
  const vanish = (): Promise<void> =>
    runInDurableObject(carrier, (_instance: DurableObject, state) => state.abort("vanished")).catch(
      () => undefined,
    );
  return { key, member, cut: vanish };
}
