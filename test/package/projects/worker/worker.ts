import { env } from "cloudflare:workers";
import { createParlor, defineKind, type Kinds } from "parlor";

const kinds = {
  default: defineKind({
    text: "The room replies to every greeting.",
    anonymous: true,
    hooks: {
      onPublish: (room, member, { event, data }) => {
        if (event === "greeting") room.publish("reply", { to: data }, { to: [member.id] });
      },
    },
  }),
} satisfies Kinds;

const parlor = createParlor({ kinds, env });

export class Room extends parlor.Room {}
export class Registry extends parlor.Registry {}

export default {
  fetch: (request, bindings, ctx) => parlor.handler.fetch(request, bindings, ctx),
} satisfies ExportedHandler;
