import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../src/protocol/bytes.ts";
import { jsonText } from "../../../src/protocol/json-text.ts";

describe("data as JSON", () => {
  class Point {
    readonly x = 1;
    readonly y = 2;
  }

  it.each<[string, unknown, string]>([
    ["null", null, "null"],
    ["undefined", undefined, "null"],
    ["numbers", [0, -1.5, 1e300], "[0,-1.5,1e+300]"],
    ["a field that is undefined", { a: undefined, b: 1 }, '{"b":1}'],
    ["an item that is undefined", [undefined], "[null]"],
    ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["an object with a toJSON", { a: { toJSON: () => [1] } }, '{"a":[1]}'],
    ["an object of a class", new Point(), '{"x":1,"y":2}'],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ["boxed values", [Object("a"), Object(1), Object(true)], '["a",1,true]'],
    ["an object from another realm", runInNewContext("({ a: [1] })"), '{"a":[1]}'],
  ])("[A1] %s is representable in JSON", (_what, data, text) => {
    expect(jsonText(data)).toBe(text);
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);

  it.each<[string, unknown]>([
    ["NaN", NaN],
    ["Infinity", -Infinity],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a Map", new Map([["a", 1]])],
    ["a Map from another realm", runInNewContext("new Map([[1, 2]])")],
    ["a Set", new Set([1])],
    ["a WeakMap", new WeakMap()],
    ["a promise", Promise.resolve(1)],
    ["an error", new Error("e")],
    ["a regular expression", /x/],
    ["an invalid date", new Date(NaN)],
    ["a Blob", new Blob(["x"])],
    ["bytes inside data", Uint8Array.of(1)],
    ["a buffer inside data", new ArrayBuffer(1)],
    ["a Node Buffer inside data", Buffer.from("x")],
    ["a cycle", cycle],
  ])("[A1] %s is rejected and not changed, alone and deep inside a value", (_what, data) => {
    expect(() => jsonText(data)).toThrow(TypeError);
    expect(() => jsonText({ list: [{ value: data }] })).toThrow(TypeError);
    expect(() => jsonText([data])).toThrow(TypeError);
  });

  it("[A1] the error for data that JSON would change names the field and its content", () => {
    expect(() => jsonText({ a: { at: NaN } })).toThrow('"at" is NaN, which JSON cannot represent');
    expect(() => jsonText(new Map())).toThrow("the data is a Map, which JSON cannot represent");
  });
});

describe("bytes", () => {
  const buffer = Uint8Array.of(9, 1, 2, 3, 4, 9).buffer;
  const shared = new SharedArrayBuffer(4);
  new Uint8Array(shared).set([1, 2, 3, 4]);

  it.each<[string, unknown]>([
    ["an ArrayBuffer", buffer.slice(1, 5)],
    ["a SharedArrayBuffer", shared],
    ["a DataView of a part of a buffer", new DataView(buffer, 1, 4)],
    ["a Uint8Array of a part of a buffer", new Uint8Array(buffer, 1, 4)],
    ["an Int8Array", new Int8Array(buffer, 1, 4)],
    ["a Uint8ClampedArray", new Uint8ClampedArray(buffer, 1, 4)],
    ["a Uint16Array", new Uint16Array(Uint8Array.of(1, 2, 3, 4).buffer)],
    ["a Float32Array", new Float32Array(Uint8Array.of(1, 2, 3, 4).buffer)],
    ["a BigInt64Array of a part of a buffer", new BigInt64Array(new ArrayBuffer(8))],
    ["a Node Buffer", Buffer.from([1, 2, 3, 4])],
    ["a Uint8Array from another realm", runInNewContext("Uint8Array.of(1, 2, 3, 4)")],
    ["an ArrayBuffer from another realm", runInNewContext("Uint8Array.of(1, 2, 3, 4).buffer")],
  ])("[A10] %s is accepted as the bytes that it covers", (what, data) => {
    const expected = what.startsWith("a BigInt64Array") ? Array(8).fill(0) : [1, 2, 3, 4];

    expect(Array.from(bytesOf(data) ?? [])).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ["a list of numbers", [1, 2]],
    ["a text", "AQI="],
    ["undefined", undefined],
    ["null", null],
    ["an object with a length", { length: 2, byteLength: 2 }],
    ["a Blob", new Blob(["x"])],
  ])("[A10] %s is not accepted as bytes", (_what, data) => {
    expect(bytesOf(data)).toBeUndefined();
  });
});
