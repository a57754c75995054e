import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { RoomInfo } from "../../../src/room/api.ts";
import { createParlor } from "../../../src/worker/parlor.ts";
import { request, roomPath, type Serve } from "./rooms.ts";
import { TEST_KINDS } from "./test-kinds.ts";
import type * as worker from "./worker.ts";

type Worker = typeof worker;

type Room = InstanceType<Worker["KindsRoom"]> & Rpc.DurableObjectBranded;

declare global {
  namespace Cloudflare {
    interface Env {
      /** Rooms of the kinds that exist only for tests (vitest.config.ts). */
      readonly KINDS_ROOM: DurableObjectNamespace<Room>;
    }
  }
}

/**
 * The Worker for rooms of the kinds in test-kinds.ts. Every helper that joins or sends requests accepts it:
 *
 *     const room = uniqueRoom("memory");
 *     const ana = await join(room, { to: serveKinds });
 *     await kindsRoom(room).evict();
 *
 * `crash` of rooms.ts ends these objects together with all others.
 */
export const serveKinds: Serve = serveKindsWith({
  ADDRESS_LIMITS: "off", // most tests have one user, who joins more often than the limit allows
});

/** Another Worker for the same rooms, with other variables or bindings. */
export function serveKindsWith(bindings: Readonly<Record<string, unknown>>): Serve {
  const { handler } = createParlor({ kinds: TEST_KINDS, env: { ...env, ROOM: env.KINDS_ROOM, ...bindings } });
  return (incoming) => handler.fetch(incoming);
}

/** A room of these kinds, with the functions that rooms.ts offers for other rooms. */
interface KindsRoom {
  /** The room's object. Each access returns a new stub, because a crash breaks a stub. */
  readonly stub: DurableObjectStub<Room>;
  /** Runs code inside the room's object. */
  inside<Value>(work: (state: DurableObjectState) => Value): Promise<Awaited<Value>>;
  /** The public information about the room. */
  info(): Promise<RoomInfo>;
  /** Puts the room to sleep. */
  evict(): Promise<void>;
}

/** A room of the kinds in test-kinds.ts. */
export function kindsRoom(room: string): KindsRoom {
  const stub = (): KindsRoom["stub"] => env.KINDS_ROOM.getByName(room);
  return {
    get stub() {
      return stub();
    },
    inside: <Value>(work: (state: DurableObjectState) => Value) =>
      runInDurableObject(stub() as DurableObjectStub, (_instance: DurableObject, state) =>
        work(state),
      ) as Promise<Awaited<Value>>,
    info: async () => (await request(roomPath(room), {}, serveKinds)).json(),
    evict: () => evictDurableObject(stub() as DurableObjectStub),
  };
}
