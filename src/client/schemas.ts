import type { AppOf, AppSchemas } from "../protocol/app-schemas.ts";
import { checkPresence, checkRoom } from "./checked-room.ts";
import { joinRoom } from "./join-room.ts";
import type { JoinOptions } from "./options.ts";
import type { Room } from "./room.ts";

/**
 * Joins a room as `joinRoom` does, and checks everything that is sent and received against the schemas of an application.
 *
 * - Data that does not match is not sent. The call is rejected with `invalid_data`. For `send` there is an event `error`.
 * - A received message that does not match is not delivered. A member has no `data` if its presence data does not match, and a
 *   key of the shared state is missing if its value does not match. Each is reported once, as an event `error`.
 * - A request that does not match is rejected with `invalid_data` before the handler is called, and so is a reply.
 *
 * @throws ParlorError `invalid_data` for the option `presence`, and what `joinRoom` throws
 *
 * @example
 * const room = joinApp(app, "https://parlor.example/rooms/lobby", { presence: { name: "Ana" } });
 */
export function joinApp<const Of extends AppSchemas>(
  app: Of,
  url: string | URL,
  options: JoinOptions<AppOf<Of>> = {},
): Room<AppOf<Of>> {
  const untyped = options as JoinOptions;
  if (untyped.presence !== undefined) checkPresence(app, untyped.presence);
  return checkRoom(app, joinRoom(url, untyped)) as unknown as Room<AppOf<Of>>;
}
