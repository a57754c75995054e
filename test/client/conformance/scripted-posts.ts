import { ERRORS, type ErrorRow } from "../../../src/protocol/errors.ts";
import type { AnswerFrame, ServerFrame } from "../../../src/protocol/frames.ts";

/** A POST that has no response yet. */
interface Post {
  readonly refs: readonly (number | undefined)[];
  readonly isArray: boolean;
  readonly replies: Map<number, AnswerFrame>;
  readonly respond: (response: Response) => void;
}

/** The POSTs of a client over SSE or long-poll. Each gets its response when all of its acts have a reply. */
export class ScriptedPosts {
  /** What the client sent and the test has not taken yet. */
  readonly sent: unknown[] = [];
  readonly #posts: Post[] = [];

  /** The client sends acts. A leave has no ref, so its reply is sent at once. */
  post(body: string): Promise<Response> {
    const parsed: unknown = JSON.parse(body);
    const items = [parsed].flat() as { readonly ref?: number }[];
    this.sent.push(...items);
    const refs = items.map(({ ref }) => ref);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const replies = new Map<number, AnswerFrame>();
    this.#posts.push({ refs, isArray: Array.isArray(parsed), replies, respond: resolve });
    this.#settle();
    return promise;
  }

  /** Keeps the replies to acts of POSTs for their responses. Returns the other frames. */
  take(frames: readonly ServerFrame[]): readonly ServerFrame[] {
    const others = frames.filter((frame) => !this.#isReply(frame));
    this.#settle();
    return others;
  }

  /** Fails all POSTs, as a broken network does. */
  fail(): void {
    for (const { respond } of this.#posts.splice(0)) respond(new Response("", { status: 502 }));
  }

  #isReply(frame: ServerFrame): boolean {
    if (!("ref" in frame) || frame.ref === undefined) return false;
    const { ref } = frame;
    const post = this.#posts.find(({ refs }) => refs.includes(ref));
    post?.replies.set(ref, frame);
    return post !== undefined;
  }

  /** Responds to the POSTs whose acts all have a reply. */
  #settle(): void {
    for (const post of [...this.#posts]) {
      if (post.refs.some((ref) => ref !== undefined && !post.replies.has(ref))) continue;
      this.#posts.splice(this.#posts.indexOf(post), 1);
      const replies = post.refs.map((ref) => post.replies.get(ref ?? 0) ?? { type: "ack" as const });
      const [reply] = replies;
      post.respond(post.isArray || reply === undefined ? Response.json(replies) : responseOf(reply));
    }
  }
}

/** The response to a single act or to a rejected join. */
export function responseOf(frame: AnswerFrame): Response {
  if (frame.type !== "error") return Response.json(frame);
  const row: ErrorRow | undefined = ERRORS[frame.code];
  return Response.json(frame, { status: row?.http ?? 400 });
}
