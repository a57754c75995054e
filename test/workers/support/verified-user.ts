import {
  CONTRACT_VERSION,
  JOIN_HEADER,
  encodeJoin,
  type JoinRequest,
} from "../../../src/protocol/contract.ts";
import { deriveIdentity, randomKey } from "../../../src/protocol/ids.ts";
import { roomStub } from "./rooms.ts";
import { WebSocketMember } from "./websocket.ts";

/** Joins the room's object directly, as the Worker does for a verified user. */
export async function joinAs(
  room: string,
  user: string,
  fields: Partial<JoinRequest> = {},
): Promise<WebSocketMember> {
  const key = fields.key ?? randomKey();
  const join: JoinRequest = {
    v: CONTRACT_VERSION,
    ...(await deriveIdentity(room, user, key)),
    key,
    user,
    dialect: "json",
    mode: "list",
    ...fields,
  };
  const response = await roomStub(room).fetch("https://room/", {
    headers: { Upgrade: "websocket", [JOIN_HEADER]: encodeJoin(join) },
  });
  if (response.webSocket === null) throw new Error(`the room refused: ${await response.text()}`);
  const member = new WebSocketMember(response, response.webSocket);
  await member.welcome();
  return member;
}
