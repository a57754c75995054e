import fc from "fast-check";

/*
 * Frames that a hostile client could send: well-formed frames, frames with one or two faults, and text that is not a frame.
 * They are built as text, because an object cannot have duplicate keys and a number cannot have more than 17 digits.
 */

/** Names with a meaning in a programming language, in a database, or nowhere. */
const NAMES = [
  ...["a", "chat", "cursor.x", "", " ", "\0", "é", "中", "😀", "\ud800", "\udc00x", "\u2028", "\ufeff"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON", "length"],
  ...["x".repeat(64), "x".repeat(65), "中".repeat(64), "'; DROP TABLE segment; --", '"', "\\", "</script>"],
];

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 70, size: "max" }) },
);
const nameText = name.map((text) => JSON.stringify(text));
/** A name, which is usually valid for an event or a key. */
const goodName = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("a", "b", "chat", "__proto__", "constructor", "x".repeat(64), "😀"),
  },
  { weight: 1, arbitrary: name },
);
const goodNameText = goodName.map((text) => JSON.stringify(text));

const NUMBERS = [
  ...["0", "-0", "1", "2", "-1", "0.5", "63", "64", "65", "499", "500", "501", "1e3", "1E+2", "1e-7"],
  ...["9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740991", "4294967296"],
  ...["1e20", "1e308", "1e309", "-1e400", "1e-400", "18446744073709551616", `1${"0".repeat(400)}`],
];

const atom = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.constantFrom("null", "true", "false", "{}", "[]", '""', '"ping"', "[null]", '{"a":1}'),
  nameText,
);

/** The text of any JSON value, including repeated keys. */
const value: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 3, arbitrary: atom },
    { weight: 1, arbitrary: fc.array(tie("value"), { maxLength: 4 }).map((all) => `[${all.join(",")}]`) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(nameText, tie("value")), { maxLength: 4 })
        .map((pairs) => `{${pairs.map((pair) => pair.join(":")).join(",")}}`),
    },
  ),
})).value;

const nesting = fc
  .tuple(fc.constantFrom(1, 60, 61, 62, 63, 64, 65, 66, 200, 5_000), fc.constantFrom("[", '{"a":'))
  .map(([depth, open]) => `${open.repeat(depth)}1${(open === "[" ? "]" : "}").repeat(depth)}`);

const long = fc.constantFrom(200, 5_000, 70_000).map((length) => JSON.stringify("l".repeat(length)));

const data = fc.oneof(
  { weight: 20, arbitrary: value },
  { weight: 2, arbitrary: nesting },
  { weight: 1, arbitrary: long },
);

/** Member ids. {@link framesFor} can receive some that exist. */
const memberIds = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("m".repeat(22), "-_".repeat(11)) },
  { weight: 1, arbitrary: fc.constantFrom("m".repeat(21), "", "~".repeat(22)) },
);

type Fields = Readonly<Record<string, fc.Arbitrary<string>>>;

const ref = fc.integer({ min: 1, max: 40 }).map(String);
const count = fc.oneof(
  { weight: 9, arbitrary: fc.nat({ max: 600 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom(...NUMBERS) },
);
const flag = fc.constantFrom("true", "false", "false");
const names = fc.array(goodNameText, { maxLength: 3 }).map((all) => `[${all.join(",")}]`);

function objectOf(values: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(goodNameText, values), { maxLength: 3 })
    .map((pairs) => `{${pairs.map((pair) => pair.join(":")).join(",")}}`);
}

/** The fields of each type, valid or nearly valid. */
function fieldsByType(ids: fc.Arbitrary<string>): Readonly<Record<string, Fields>> {
  const to = fc.array(ids, { maxLength: 3 }).map((all) => JSON.stringify(all));
  return {
    publish: { ref, event: goodNameText, data, volatile: flag, key: goodNameText, to },
    set: { ref, set: objectOf(data), delete: names, if: objectOf(count), own: flag },
    presence: { ref, data },
    history: { ref, after: count, before: count, since: count, until: count, limit: count },
    seen: { chars: count },
    auth: { ref, token: fc.oneof(nameText, fc.constant('"a.b.c"')) },
  };
}

/** An item of a frame: some fields of its type, some of them malformed, and some fields of other types. */
function itemsFor(ids: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const types = fieldsByType(ids);
  const all: Fields = Object.assign({}, ...Object.values(types)) as Fields;
  const stray = fc.constantFrom(...Object.keys(all)).chain((key) => pair(key, value));
  const alien = fc.tuple(nameText, value).map((both) => both.join(":"));
  const some = Object.entries(types).map(([type, fields]) =>
    fc
      .tuple(
        ...Object.entries(fields).map(([key, right]) =>
          fc.oneof(
            { weight: 24, arbitrary: pair(key, right) },
            { weight: 9, arbitrary: fc.constant("") },
            { weight: 1, arbitrary: pair(key, value) },
          ),
        ),
        fc.oneof(
          { weight: 8, arbitrary: fc.constant("") },
          { weight: 1, arbitrary: stray },
          { weight: 1, arbitrary: alien },
        ),
      )
      .map((pairs) => `{${[`"type":${JSON.stringify(type)}`, ...pairs].filter(Boolean).join(",")}}`),
  );
  const typeless = fc.tuple(pair("type", value), stray).map((pairs) => `{${pairs.join(",")}}`);
  return fc.oneof(
    { weight: 30, arbitrary: fc.oneof(...some) },
    { weight: 2, arbitrary: typeless },
    { weight: 1, arbitrary: value },
    { weight: 1, arbitrary: nesting },
  );
}

function pair(key: string, text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return text.map((one) => `${JSON.stringify(key)}:${one}`);
}

/** Text with one fault: truncated, with an insertion, or with an omission. */
function damaged(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const fault = fc.constantFrom("", "\0", ",", '"', "\\", "]", "}", "\ud800", "\n", "null", "\\u0000", "[");
  return fc.tuple(texts, fc.nat(), fc.nat({ max: 3 }), fault).map(([text, at, gone, put]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + put + (gone === 3 ? "" : text.slice(from + gone));
  });
}

/** Text frames, most of them valid. */
export function framesFor(ids: fc.Arbitrary<string> = memberIds): fc.Arbitrary<string> {
  const item = itemsFor(fc.oneof(ids, memberIds));
  const list = fc.array(item, { maxLength: 6 }).map((all) => `[${all.join(", ")}]`);
  const many = fc
    .tuple(item, fc.constantFrom(63, 64, 65, 300))
    .map(([one, times]) => `[${Array<string>(times).fill(one).join(",")}]`);
  return fc.oneof(
    { weight: 24, arbitrary: item },
    { weight: 8, arbitrary: list },
    { weight: 4, arbitrary: damaged(fc.oneof(item, list)) },
    { weight: 1, arbitrary: many },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", "ping", "Ping", "\ufeff{}", " ", "{}{}", "[]", "[[]]", "NaN"),
    },
  );
}

/** Bytes that are not a text frame. */
export const bytes = fc.uint8Array({ maxLength: 200, size: "max" });
