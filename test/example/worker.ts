import { env } from "cloudflare:workers";
import { createParlor, defineKind, refuse } from "../../src/worker/parlor.ts";

const kinds = {
  default: defineKind({ text: "Anything.", anonymous: true }),
  quiz: defineKind({
    text: "One question for everyone; the room keeps the score.",
    anonymous: true, // a token is needed otherwise
    maxMembers: 50,
    hooks: {
      onPresence: (room, _member, name) =>
        room.members().some(({ data }) => data === name) ? refuse("that name is taken") : undefined,
      onPublish: (room, member, { event, data }) => {
        if (event !== "answer") return undefined;
        if (data !== 42) return refuse("think again");
        const score = Number(room.get(member.id)?.value ?? 0) + 1;
        room.set({ [member.id]: score });
        return { data: "right" }; // what the others read in place of the answer
      },
      onSet: () => refuse("the room keeps the score"),
      onLeave: (room, { data }) => room.publish("gone", data),
    },
  }),
};

const parlor = createParlor({ kinds, env });

/** The classes behind the bindings `ROOM` and `REGISTRY`. */
export const { Room, Registry } = parlor;

export default {
  fetch(request: Request, bindings: object, ctx: ExecutionContext): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    // With `ctx` Parlor can end the requests of readers that stopped reading.
    return pathname === "/about"
      ? new Response("a quiz of our own")
      : parlor.handler.fetch(request, bindings, ctx);
  },
};
