import type { ServerFrame } from "../../protocol/frames.ts";
import { MAX_POLL_WAIT_S } from "../../protocol/polls.ts";
import { realEnvironment } from "../runtime/environment.ts";
import type { Clock } from "../runtime/timers.ts";
import { pollUrl } from "./address.ts";
import { decodeServerText } from "./decode.ts";
import { HttpTransport } from "./http-transport.ts";
import type { Target, Transport, TransportListener } from "./transport.ts";

/** The timeout of a poll, in milliseconds: its wait, and the time that a large response takes on a slow network. */
const POLL_TIMEOUT_MS = MAX_POLL_WAIT_S * 1_000 + 20_000;

/** The pause after a response without news, in milliseconds, if it arrived before the wait was over, as from a cache. */
const PAUSE_MS = 1_000;

/**
 * Starts a connection that consists of polls, with acts by POST. Each poll continues from the last response. It needs no stream,
 * so it works with a proxy that buffers responses, and with React Native's `fetch`.
 */
export function longPollTransport(
  target: Target,
  listener: TransportListener,
  fetch_: typeof fetch,
  clock: Pick<Clock, "now" | "startTimer"> = realEnvironment,
): Transport {
  return new HttpTransport(target, listener, fetch_, clock, async (http) => {
    let next = target;
    while (!http.isOver) {
      const startedAt = clock.now();
      const reply = await http.ask(pollUrl(next, MAX_POLL_WAIT_S), { cache: "no-store" }, POLL_TIMEOUT_MS);
      const frames = reply.status === 200 ? decodeServerText(reply.text) : [];
      const last = frames.at(-1);
      // A page of a proxy, for example, is not a response of the room.
      if (last?.type !== "position") return http.rejected(reply, "a poll", next === target);
      http.received(frames);
      // Only the first poll brings presence data, and asks for old messages and the state.
      next = {
        ...target,
        after: last.position,
        roster: rosterAfter(frames) ?? next.roster,
        presence: undefined,
        state: undefined,
      };
      if (frames.length === 1 && clock.now() - startedAt < PAUSE_MS) {
        await new Promise<void>((resolve) => void clock.startTimer(resolve, PAUSE_MS));
      }
    }
  });
}

/** The name of the list of members after a response; `undefined` if the response does not change it. */
function rosterAfter(frames: readonly ServerFrame[]): string | undefined {
  let roster: string | undefined;
  for (const frame of frames)
    if (frame.type === "presence" || frame.type === "welcome") roster = frame.roster;
  return roster;
}
