import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import { createParlor, defineKind } from "parlor";

/** The variables of this Worker. */
interface Variables {
  /** Parlor checks tokens with it, so a token that is signed with it is valid in the rooms below. */
  readonly TOKEN_SECRETS: string;
}

const kinds = {
  default: defineKind({
    text: "Everybody can read. To take part, a token is required.",
    anonymous: ["join", "history", "members"],
  }),
};

const parlor = createParlor({ kinds, env });

/** The classes behind the bindings of wrangler.toml. */
export class Room extends parlor.Room {}
export class Registry extends parlor.Registry {}

export default {
  async fetch(request: Request, variables: Variables, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, route, room = ""] = pathname.split("/");
    if (request.method === "POST" && route === "login") return login(request, variables);
    if (request.method === "GET" && route === "summary") return summary(room, request, variables, ctx);
    return parlor.handler.fetch(request, variables, ctx);
  },
};

/** Returns a token for a user. Replace this with your own login. */
async function login(request: Request, { TOKEN_SECRETS }: Variables): Promise<Response> {
  const form = await request.formData();
  const user = form.get("user");
  if (typeof user !== "string" || !/^\w{1,32}$/.test(user))
    return new Response("user must be 1-32 letters, digits or underscores", { status: 400 });
  const token = await new SignJWT({ rooms: { "*": ["join", "publish", "presence", "history", "members"] } })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime("15 minutes")
    .sign(new TextEncoder().encode(TOKEN_SECRETS));
  return Response.json({ token });
}

/** What happens in a room, read from Parlor as any other client would. */
async function summary(
  room: string,
  request: Request,
  variables: Variables,
  ctx: ExecutionContext,
): Promise<Response> {
  const read = async (path: string): Promise<Response> =>
    parlor.handler.fetch(new Request(new URL(`/rooms/${room}/${path}`, request.url)), variables, ctx);
  const [members, history] = await Promise.all([read("members"), read("history?limit=3")]);
  const failed = [members, history].find(({ ok }) => !ok);
  if (failed !== undefined) return failed;
  const { count } = await members.json<{ count: number }>();
  const { messages } = await history.json<{ messages: readonly { event: string; data: unknown }[] }>();
  return Response.json({
    room,
    members: count,
    latest: messages.map(({ event, data }) => ({ event, data })),
  });
}
