import type { Contender } from "./contender.ts";
import { bare, partyserver } from "./durable-objects.ts";
import { socketIo, socketIoRecovery, ws } from "./node-servers.ts";
import { parlor, parlorProto, parlorVolatile } from "./parlor.ts";

/** Every server to compare, in the order of the results. */
export const CONTENDERS: readonly Contender[] = [
  parlor,
  parlorVolatile,
  parlorProto,
  bare,
  partyserver,
  ws,
  socketIo,
  socketIoRecovery,
];
