import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseParser } from "../../../src/client/transports/sse-parser.ts";

interface Parsed {
  readonly events: { readonly id: string; readonly data: string }[];
  readonly retries: number[];
}

/** Parses bytes that arrive in these chunks. */
function parse(pieces: readonly (string | Uint8Array)[]): Parsed {
  const parsed: Parsed = { events: [], retries: [] };
  const parser = new SseParser({
    onEvent: (data, id) => void parsed.events.push({ id, data }),
    onRetry: (ms) => void parsed.retries.push(ms),
  });
  for (const piece of pieces) {
    parser.feed(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  }
  return parsed;
}

const ONE = [{ id: "Zk3:1", data: '{"a":1}' }];

describe("events", () => {
  it.each([
    ["line feeds", 'id: Zk3:1\ndata: {"a":1}\n\n'],
    ["carriage returns", 'id: Zk3:1\rdata: {"a":1}\r\rid: x\r'],
    ["both", 'id: Zk3:1\r\ndata: {"a":1}\r\n\r\n'],
    ["a mixture", 'id: Zk3:1\rdata: {"a":1}\r\n\n'],
    ["no spaces", 'id:Zk3:1\ndata:{"a":1}\n\n'],
    ["a byte order mark", '\uFEFFid: Zk3:1\ndata: {"a":1}\n\n'],
    ["comments", ': hello\nid: Zk3:1\n:\ndata: {"a":1}\n: \n\n'],
    ["fields that it does not know", 'event: x\nid: Zk3:1\nfoo: bar\ndata: {"a":1}\nbaz\n\n'],
    ["an id that holds a null character", 'id: Zk3:1\nid: Zk\0\ndata: {"a":1}\n\n'],
    ["a second event that is cut short", 'id: Zk3:1\ndata: {"a":1}\n\nid: Zk3:2\ndata: {"a":2}\n'],
  ])("[S1] the parser reads an event with %s", (_what, text) => {
    expect(parse([text]).events).toEqual(ONE);
  });

  it.each([
    ["an empty line alone", "\n\n\n"],
    ["an id without data", "id: Zk3:1\n\n"],
    ["a comment", ": \n\n"],
    ["a retry", "retry: 1000\n\n"],
  ])("[S1] %s is not an event", (_what, text) => {
    expect(parse([text]).events).toEqual([]);
  });

  it("[S1] the parser joins several lines of data", () => {
    expect(parse(["data: one\ndata\ndata:  two\n\n"]).events).toEqual([{ id: "", data: "one\n\n two" }]);
  });

  it("[S1 P3] an id lasts until the next one", () => {
    const text = "id: Zk3:1\ndata: a\n\ndata: b\n\nid: Zk3:2\n\ndata: c\n\nid\ndata: d\n\n";

    expect(parse([text]).events.map(({ id }) => id)).toEqual(["Zk3:1", "Zk3:1", "Zk3:2", ""]);
  });

  it.each([
    ["retry: 1500\n", [1500]],
    ["retry:0\n", [0]],
    ["retry: 1.5\nretry: -1\nretry: \nretry: 1e3\n", []],
  ])("[S1] %j sets the delays %j in milliseconds", (text, retries) => {
    expect(parse([text]).retries).toEqual(retries);
  });
});

describe("chunks", () => {
  it("[S1] a chunk may end between a carriage return and its line feed", () => {
    expect(parse(["id: Zk3:1\r", '\ndata: {"a":1}\r', "\n\r", "\n"]).events).toEqual(ONE);
  });

  it("[S1] a chunk may end within a character", () => {
    const bytes = new TextEncoder().encode('data: "é€😀"\n\n');

    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));

    expect(parse(pieces).events).toEqual([{ id: "", data: '"é€😀"' }]);
  });

  it("[S1] a chunk may end within the byte order mark", () => {
    const bytes = new TextEncoder().encode("\uFEFFdata: a\n\n");

    expect(parse([bytes.subarray(0, 1), bytes.subarray(1, 2), bytes.subarray(2)]).events).toHaveLength(1);
  });

  it("[S1] the parser's result does not depend on the chunks", () => {
    const text =
      '\uFEFFretry: 1200\r\n\r\n: \n\nid: Zk3:1\r\ndata: {"é":"€"}\r\n\r\nid: Zk3:2\rdata: 😀\rdata: two\r\r\ndata: 3\n\n';
    const bytes = new TextEncoder().encode(text);
    const whole = parse([bytes]);
    expect(whole.events).toHaveLength(3);

    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
        const marks = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
        const pieces = marks.slice(1).map((mark, index) => bytes.subarray(marks[index], mark));

        expect(parse(pieces)).toEqual(whole);
      }),
    );
  });

  it("[S1] a line of a megabyte in small chunks is parsed fast", () => {
    const piece = "x".repeat(1_000);

    const { events } = parse(["data: ", ...Array.from({ length: 1_000 }, () => piece), "\n\n"]);

    expect(events.map(({ data }) => data.length)).toEqual([1_000_000]);
  });
});
