import { describe, expect, it } from "vitest";
import { MAX_POLL_WAIT_S } from "../../../../src/protocol/polls.ts";
import { StreamLimit, type OpenStream } from "../../../../src/worker/admission/stream-limit.ts";

const HEARTBEAT_MS = 20_000;

/** Opens a stream that must be allowed. */
function open(streams: StreamLimit, source: string, now: number): OpenStream {
  const opened = streams.open(source, now);
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

describe("streams of a source", () => {
  it("[L3] an ended stream no longer counts for its source", () => {
    const streams = new StreamLimit(2, HEARTBEAT_MS);
    const [first, second] = [open(streams, "ana", 0), open(streams, "ana", 0)];

    expect(streams.open("ana", 0)).toMatchObject({ ok: false, error: { code: "rate_limited" } });
    first.end();
    first.end();
    expect(streams.open("ana", 0)).toMatchObject({ ok: true });
    expect(streams.open("ana", 0)).toMatchObject({ ok: false });
    second.end();
    expect(streams.open("ana", 0)).toMatchObject({ ok: true });
  });

  it("[L3] a lost stream counts until three heartbeats after its last one", () => {
    const streams = new StreamLimit(1, HEARTBEAT_MS);
    const stream = open(streams, "ana", 0);

    stream.beat(HEARTBEAT_MS);
    expect(streams.open("ana", 4 * HEARTBEAT_MS - 1)).toMatchObject({ ok: false });
    expect(streams.open("ana", 4 * HEARTBEAT_MS)).toMatchObject({ ok: true });
  });

  it("[L3 Q8] a poll that waits keeps its place until its response is read, even if three heartbeats are shorter", () => {
    const streams = new StreamLimit(1, 1_000);
    open(streams, "ana", 0);

    expect(streams.open("ana", MAX_POLL_WAIT_S * 1_000 + 10_000)).toMatchObject({ ok: false });
  });

  it("[L3 G7] a stream whose reader was cut off counts for another ten minutes", () => {
    const streams = new StreamLimit(1, HEARTBEAT_MS);
    const stream = open(streams, "ana", 0);
    stream.end();
    stream.cut(1_000);

    expect(streams.open("ana", 600_999)).toMatchObject({ ok: false });
    expect(streams.open("ana", 601_000)).toMatchObject({ ok: true });
  });

  it("[L3 G7] a stream that is cut off counts together with the streams that its source opened meanwhile", () => {
    const streams = new StreamLimit(2, HEARTBEAT_MS);
    const stream = open(streams, "ana", 0);
    stream.end();
    open(streams, "ana", 0);
    stream.cut(1_000);

    expect(streams.open("ana", 1_000)).toMatchObject({ ok: false });
  });

  it("[L3] after the clock is set back, a stream counts for at most three heartbeats, or ten minutes after a cut", () => {
    const streams = new StreamLimit(2, HEARTBEAT_MS);
    const day = 86_400_000;
    open(streams, "ana", day); // The runtime drops it.
    open(streams, "ana", day).cut(day);

    expect(streams.open("ana", 0)).toMatchObject({ ok: false });
    open(streams, "ana", 3 * HEARTBEAT_MS).end();
    expect(streams.open("ana", 3 * HEARTBEAT_MS)).toMatchObject({ ok: true });
    expect(streams.open("ana", 599_999)).toMatchObject({ ok: true });
    expect(streams.open("ana", 599_999)).toMatchObject({ ok: false });
    expect(streams.open("ana", 600_000)).toMatchObject({ ok: true });
  });

  it("[L3] a stream that seemed lost because the clock was set forward counts again from its next heartbeat", () => {
    const streams = new StreamLimit(1, HEARTBEAT_MS);
    const day = 86_400_000;
    const first = open(streams, "ana", 0);
    open(streams, "ana", day).end();

    first.beat(day);
    expect(streams.open("ana", day)).toMatchObject({ ok: false });
    first.end();
    first.beat(day);
    expect(streams.open("ana", day)).toMatchObject({ ok: true });
  });

  it("[L3] streams are forgotten with their source, however many sources there are", () => {
    const streams = new StreamLimit(1, HEARTBEAT_MS);
    for (let n = 0; n < 5_000; n++) open(streams, `source ${n}`, n * HEARTBEAT_MS);

    expect(streams.sources).toBeLessThan(2_001);
  });
});
