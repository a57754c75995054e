import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeClientText } from "../../../src/protocol/decode.ts";
import { lostByItem, lostNumber, lostNumbers, newSuspects } from "../../../src/protocol/numbers.ts";
import { decodeClientBytes } from "../../../src/protocol/proto/client-decode.ts";
import { ClientFrameSchema } from "../../../src/protocol/generated/parlor_pb.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { cases } from "../../support/fuzzing.ts";

const LOST = [
  ["an odd integer beyond 2^53", "9007199254740993"],
  ["a negative odd integer beyond 2^53", "-9007199254740993"],
  ["an id of 64 bits", "1285704473650888702"],
  ["2^64, which JavaScript writes with zeros", "18446744073709551616"],
  ["an integer of 400 digits", `1${"0".repeat(398)}1`],
  ["a number too large", "1e400"],
  ["a number too large, and negative", "-1E+400"],
  ["a number too small", "1e-400"],
  ["a number too small, without an exponent", `0.${"0".repeat(330)}1`],
  ["a number too small, with a fraction and an exponent", `0.${"0".repeat(240)}1e-99`],
  ["an integer as a fraction", "9007199254740993.0"],
  ["an id with an exponent", "1.285704473650888702e18"],
  ["a sum with 19 digits", "12345678901234567.89"],
  ["more digits of pi than a double holds", "3.14159265358979323846"],
  ["a large exponent behind many digits", "123456789012345678e10"],
] as const;

const HELD = [
  ...["0", "-0", "-0.0", "1.0", "1.50", "0.1", "-1.5e3", "1E5", "1e-7", "1e22", "1e23", "5e-324", "0e999"],
  ...["9007199254740991", "9007199254740992", "-9007199254740992", "9007199254740994", "1795312524509123"],
  ...["100000000000000000000", "1e20", "1.7976931348623157e308", "1.7976931348623157e+308", "1e0010"],
  // Doubles as Python, C and JavaScript write them.
  ...["0.30000000000000004", "0.10000000000000001", "0.10000000000000000555"],
  ...["2.2250738585072014e-308", "1e+16", "12345678901234567000", "0.000000000000000000001"],
  ...["0.48372395833333335", "1234567890123456.7", "8.409999999999999E21", "123456789012345.67"],
];

describe("numbers that a double does not hold", () => {
  it.each(LOST)("[A1] %s, which a double does not hold, is found anywhere in a text: %s", (_what, number) => {
    for (const text of [
      number,
      `[1,${number}]`,
      `{"a":{"b":[${number} , 2]}}`,
      `{"1":"\\"","a":${number}}`,
    ]) {
      expect(lostNumber(text)).toBe(number);
    }
  });

  it.each(HELD)("[A1] a double holds %s", (number) => {
    expect(lostNumber(number)).toBeUndefined();
    expect(lostNumber(`{"a":[${number},"x"]}`)).toBeUndefined();
  });

  it.each(LOST)("[A1] %s inside a string is accepted as text: %s", (_what, number) => {
    const texts = [
      number,
      ` ${number} `,
      `"${number}"`,
      `\\${number}`,
      `${number}\\`,
      `a:${number},\n[${number}]`,
    ];
    for (const text of texts) expect(lostNumber(JSON.stringify({ [text]: [text] }))).toBeUndefined();
  });

  it("[A1] every double is accepted as JavaScript writes it, with 17 digits and with 21 digits", () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(any, (number) => {
        for (const text of [String(number), number.toExponential(16), number.toExponential(20)]) {
          const isLostInteger =
            Number.isInteger(number) && BigInt(number) !== integerOf(JSON.stringify(number));
          expect(lostNumber(`[${text}]`) !== undefined && !isLostInteger).toBe(false);
        }
      }),
      cases(1_000),
    );
  });

  it("[A1] an integer is accepted if and only if JavaScript writes the same integer again", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const isSame = integerOf(JSON.stringify(Number(integer))) === integer;
        expect(lostNumber(`[${integer}]`) === undefined).toBe(isSame);
      }),
      cases(2_000),
    );
  });

  it.each([
    "0.1e1",
    "1e200",
    "-1.7976931348623157e-249",
    "0.48372395833333335",
    "123.45678901234567",
    '"1e400"',
  ])("[A1 G10] a frame full of %s contains no number that needs an exact check", (value) => {
    const suspects = newSuspects();

    expect(lostByItem(`[[${`${value},`.repeat(3_000)}1]]`, 1, suspects)).toEqual(new Map());
    expect(suspects).toEqual(newSuspects());
  });

  it.each(["1e300", "9007199254740992", "12345678901234567000", "0.10000000000000000555"])(
    "[A1 F2 G10] 64 numbers like %s in a frame are checked exactly, and items with more are bad_frame in either dialect, with their refs",
    (value) => {
      const [all, many] = [newSuspects(), newSuspects()];

      expect(lostByItem(`[[${`${value},`.repeat(64)}1]]`, 1, all)).toEqual(new Map());
      expect(lostByItem(`[[${`${value},`.repeat(3_000)}1]]`, 2, many).size).toBe(2);
      expect([all.left, many.left]).toEqual([0, -1]);
      const data = `[${`${value},`.repeat(64)}${value}]`;
      const error = { code: "bad_frame", message: expect.stringContaining("more than 64 numbers") as string };
      const publish = `{"type":"publish","ref":2,"event":"e","data":${data}}`;
      expect(
        decodeClientText(`[{"type":"leave","ref":1},${publish},{"type":"leave","ref":3}]`),
      ).toMatchObject({
        value: [
          { ok: true },
          { ok: false, error: { ...error, ref: 2 } },
          { ok: false, error: { ...error, ref: 3 } },
        ],
      });
      const act = { case: "publish", value: { event: "e", payload: { case: "json", value: data } } } as const;
      const bytes = toBinary(ClientFrameSchema, create(ClientFrameSchema, { items: [{ act }] }));
      expect(decodeClientBytes(bytes)).toMatchObject({
        value: [{ ok: false, error: { message: expect.stringContaining("more than 64 numbers") as string } }],
      });
    },
  );

  it("[D3] every number in a token's payload is checked, whatever number of suspect ones precede it", () => {
    expect(lostNumbers(`[[${"1e300,".repeat(200)}1],1e400]`)).toEqual(["1e400"]);
  });

  it("[A1 G10] a text of many digits, strings or escapes is scanned once", () => {
    const texts = [
      "9".repeat(60_000),
      `"${"\\n".repeat(30_000)}9007199254740993"`,
      `[${"1.0,".repeat(15_000)}1e400]`,
    ];

    expect(texts.map((text) => lostNumber(text)?.length)).toEqual([60_000, undefined, 5]);
  });
});

/** The integer that a text represents, with or without an exponent. */
function integerOf(text: string): bigint {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e\+?(\d+))?$/.exec(text) ?? [];
  return BigInt(sign + whole + fraction.padEnd(Number(exponent), "0"));
}

describe.each<[string, (field: string, number: string) => unknown]>([
  [
    "JSON",
    (field, number) => {
      const data = field === "set" ? `"set":{"a":[${number}]}` : `"event":"e","data":{"a":${number}}`;
      return decodeClientText(`[{"type":"${field}","ref":7,${data}},{"type":"leave","ref":8}]`);
    },
  ],
  [
    "the binary dialect",
    (field, number) => {
      const json = `[${number}]`;
      const act =
        field === "set"
          ? { case: "set" as const, value: { set: [{ key: "a", json }] } }
          : field === "presence"
            ? { case: "presence" as const, value: { json } }
            : {
                case: "publish" as const,
                value: { event: "e", payload: { case: "json" as const, value: json } },
              };
      const items = [
        { ref: 7n, act },
        { ref: 8n, act: { case: "leave" as const, value: {} } },
      ];
      return decodeClientBytes(toBinary(ClientFrameSchema, create(ClientFrameSchema, { items })));
    },
  ],
])("an act in %s", (_dialect, decode) => {
  it.each(["publish", "set", "presence"])(
    "[A1 T1 A5 F1 B5] %s with a number that a double does not hold is bad_frame with its ref and the number, and the next act is accepted",
    (field) => {
      expect(decode(field, "9007199254740993")).toMatchObject({
        ok: true,
        value: [
          {
            ok: false,
            error: {
              code: "bad_frame",
              ref: 7,
              message: expect.stringContaining("9007199254740993") as string,
            },
          },
          { ok: true, value: { type: "leave", ref: 8 } },
        ],
      });
      expect(decode(field, "9007199254740991.0")).toMatchObject({
        ok: true,
        value: [{ ok: true }, { ok: true }],
      });
    },
  );
});

it("[F2] a number that a double does not hold is bad_frame anywhere in a message, and text in a string", () => {
  const read = (fields: string): unknown => decodeClientText(`{"type":"publish","event":"e",${fields}}`);

  expect(read('"extra":1e400')).toMatchObject({ ok: true, value: [{ ok: false }] });
  expect(read('"ref":9007199254740993')).toMatchObject({ ok: true, value: [{ ok: false }] });
  expect(read('"to":[1285704473650888702]')).toMatchObject({ ok: true, value: [{ ok: false }] });
  expect(read('"ref":3,"data":"9007199254740993"')).toMatchObject({ ok: true, value: [{ ok: true }] });
});

it("[E1] the error repeats at most 64 digits of the number", () => {
  const decoded = decodeClientText(`{"type":"publish","event":"e","data":${"9".repeat(1_000)}}`);

  const [item] = decoded.ok ? decoded.value : [];
  expect(item?.ok === false && item.error.message).toContain(
    `the number ${"9".repeat(64)}… is not representable`,
  );
});

it("[F1 F2] each item of an array is accepted or rejected separately, whatever else it contains beside such a number", () => {
  const items = [
    '{"type":"publish","ref":1,"event":"e","data":[[1,2],{"a":"],{\\"","b":[]}]}',
    ' {"type":"publish","ref":2,"event":"e","data":[[], 1e400]}',
    '{"type":"publish","ref":3,"event":"e","data":"1e400"}',
    "7",
    '{"type":"set","ref":4,"set":{"a":{"b":9007199254740993}}}',
    "9007199254740993",
    '{"type":"leave","ref":5}',
  ];
  const decoded = decodeClientText(` [ ${items.join(" ,\n ")} ] `);

  const results = decoded.ok ? decoded.value : [];
  expect(results.map((item) => (item.ok ? "read" : item.error.ref))).toEqual([
    "read",
    2,
    "read",
    undefined,
    4,
    undefined,
    "read",
  ]);
});
