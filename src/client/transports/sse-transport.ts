import { realEnvironment } from "../runtime/environment.ts";
import type { Clock } from "../runtime/timers.ts";
import { eventsUrl } from "./address.ts";
import { decodeServerText } from "./decode.ts";
import { readReply } from "./http-replies.ts";
import { HttpTransport } from "./http-transport.ts";
import { SseParser } from "./sse-parser.ts";
import { StreamDebt } from "./stream-debt.ts";
import type { Target, Transport, TransportListener } from "./transport.ts";

/**
 * Starts a connection over Server-Sent Events, with acts by POST.
 *
 * The stream is read with `fetch`, because an EventSource hides statuses, headers and comments.
 */
export function sseTransport(
  target: Target,
  listener: TransportListener,
  fetch_: typeof fetch,
  clock: Pick<Clock, "startTimer"> = realEnvironment,
): Transport {
  return new HttpTransport(target, listener, fetch_, clock, async (http) => {
    // It has no `Accept` for events, so that a rejection has a status (rule S7).
    const response = await http.request(eventsUrl(target), { cache: "no-store" });
    const type = response.headers.get("Content-Type") ?? "";
    if (!response.ok || !type.startsWith("text/event-stream")) {
      return http.rejected(await readReply(response), "the stream request", true);
    }
    // Not every `fetch` can stream, for example React Native's cannot.
    const reader = response.body?.getReader?.();
    if (reader === undefined) throw new TypeError("this fetch returned no body that can be read as a stream");
    const debt = new StreamDebt(clock, (silentMs) => {
      const reason = `the stream carried nothing for ${silentMs} ms, although a reply arrived`;
      http.end({ code: 1006, reason, silentMs });
    });
    http.onReplies = (frames) => debt.replied(frames);
    http.onClose = () => debt.stop();
    const parser = new SseParser({
      onRetry: (ms) => {
        http.retryMs = ms;
      },
      onEvent: (data, id) => {
        debt.received(id);
        http.received(decodeServerText(data), id);
      },
    });
    while (!http.isOver) {
      const { done, value } = await reader.read();
      if (done) return http.end({ code: 1006, reason: "the stream ended" });
      if (http.isOver) return;
      listener.onActive();
      parser.feed(value);
      if (!http.isOver) debt.active();
    }
  });
}
