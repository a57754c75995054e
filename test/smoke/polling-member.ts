import type { ServerFrame } from "../../src/protocol/frames.ts";
import { roomUrl } from "../support/member.ts";
import { randomKey } from "../support/rooms.ts";

/** The timeout of a request, in milliseconds: more than a poll waits. */
const TIMEOUT_MS = 30_000;

/** A member over long-poll: each poll continues from the last response, and acts are sent by POST. */
export class PollingMember {
  /** The public member id. Known after the first poll. */
  member = "";
  /** The position to continue from. */
  position = "";
  readonly #url: string;
  readonly #room: string;
  readonly #key = randomKey();
  #session = "";
  #roster = "";

  constructor(url: string, room: string) {
    this.#url = url;
    this.#room = room;
  }

  /** Joins with the first poll, and continues with each later one. Returns the frames of the response. */
  async poll(): Promise<readonly ServerFrame[]> {
    const url = new URL(roomUrl(this.#url, this.#room, "/poll"));
    url.searchParams.set("key", this.#key);
    if (this.#roster !== "") {
      url.searchParams.set("after", this.position);
      url.searchParams.set("roster", this.#roster);
    }
    const frames = (await this.#json(url)) as readonly ServerFrame[];
    const last = Array.isArray(frames) ? frames.at(-1) : undefined;
    if (last?.type !== "position")
      throw new Error(`the last item of a poll is ${JSON.stringify(last)}, not a position`);
    this.position = last.position;
    for (const frame of frames) {
      if (frame.type === "welcome") [this.member, this.#session] = [frame.member, frame.session];
      if (frame.type === "welcome" || frame.type === "presence") this.#roster = frame.roster ?? this.#roster;
    }
    return frames;
  }

  /** Polls until a response has a wanted frame, and returns that frame. Other events of the room also end a poll. */
  async pollUntil<Frame extends ServerFrame>(
    isWanted: (frame: ServerFrame) => frame is Frame,
  ): Promise<Frame> {
    for (;;) {
      const frame = (await this.poll()).find(isWanted);
      if (frame !== undefined) return frame;
    }
  }

  /** Sends an act by POST, and returns its reply. */
  async post(act: object): Promise<ServerFrame> {
    const headers = { "content-type": "application/json", "parlor-session": `${this.#session}.${this.#key}` };
    const url = roomUrl(this.#url, this.#room, "/messages");
    return (await this.#json(url, { method: "POST", headers, body: JSON.stringify(act) })) as ServerFrame;
  }

  async #json(url: URL | string, init: RequestInit = {}): Promise<unknown> {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = await response.text();
    if (response.status !== 200) throw new Error(`status ${response.status}: ${body.slice(0, 200)}`);
    return JSON.parse(body) as unknown;
  }
}
