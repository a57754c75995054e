import type { ErrorFrame, ServerFrame } from "../../../src/protocol/frames.ts";
import type { ScriptedConnection } from "./scripted-connection.ts";
import { ScriptedPosts, responseOf } from "./scripted-posts.ts";

/** The polls of a client, and its POSTs. The test plays the server. */
export class ScriptedPolls implements ScriptedConnection {
  readonly query: URLSearchParams;
  readonly key: string | undefined;
  readonly closedWith = undefined;
  readonly posts = new ScriptedPosts();
  /** The number of the connection, which all of its polls have. */
  readonly attempt: string | null;
  /** The frames that the next answer brings. */
  readonly #waiting: object[] = [];
  #respond: ((response: Response | Error) => void) | undefined;
  #isWelcome = false;
  #position: string;

  constructor(url: URL) {
    this.query = url.searchParams;
    this.key = url.searchParams.get("key") ?? undefined;
    this.attempt = url.searchParams.get("try");
    this.#position = url.searchParams.get("after") ?? "";
  }

  get sent(): unknown[] {
    return this.posts.sent;
  }

  /** Waits for the next frames. */
  async poll(): Promise<Response> {
    const { promise, resolve } = Promise.withResolvers<Response | Error>();
    this.#respond = resolve;
    this.#answer();
    const answer = await promise;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  deliver(frames: readonly object[]): void {
    const others = this.posts.take(frames as readonly ServerFrame[]);
    const [first] = others;
    if (first?.type === "error" && !this.#isWelcome) return this.#finish(responseOf(first as ErrorFrame));
    this.#isWelcome ||= others.length > 0;
    this.#waiting.push(...others);
    this.#answer();
  }

  end(code: number): void {
    if (code < 4000) this.#finish(new TypeError("the network failed"));
    else this.deliver([{ type: "close", code, reason: "" }]);
    this.posts.fail();
  }

  #answer(): void {
    if (this.#respond === undefined || this.#waiting.length === 0) return;
    const frames = this.#waiting.splice(0) as ServerFrame[];
    for (const frame of frames) {
      if (frame.type === "welcome" || frame.type === "position") this.#position = frame.position;
      else if ((frame.type === "message" || frame.type === "state") && frame.offset !== undefined)
        this.#position = `${this.#position.split(":")[0]}:${frame.offset}`;
    }
    this.#finish(
      Response.json([...frames, { type: "position", position: this.#position, reason: "polled" }]),
    );
  }

  #finish(response: Response | Error): void {
    this.#respond?.(response);
    this.#respond = undefined;
  }
}
