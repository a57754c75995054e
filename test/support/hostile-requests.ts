import fc from "fast-check";
import { framesFor } from "./hostile-frames.ts";

/** A request that a hostile client could send. */
export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** Placeholders for values that are only known when the request is sent; see {@link fillIn}. */
export const BLANKS = {
  room: "%ROOM%",
  member: "%MEMBER%",
  /** The `<session>.<key>` of a member that may act. */
  session: "%SESSION%",
  key: "%KEY%",
  position: "%POSITION%",
  token: "%TOKEN%",
} as const;

const often = <Value>(weight: number, ...arbitraries: fc.Arbitrary<Value>[]): fc.Arbitrary<Value> =>
  fc.oneof(...arbitraries.map((arbitrary, index) => ({ weight: index === 0 ? weight : 1, arbitrary })));

/** Any header value that a client can send. */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code < 0x7f || code > 0x9f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 40,
});

const long = fc.constantFrom(200, 2_000, 16_000, 70_000).map((length) => "l".repeat(length));

const method = often(
  12,
  fc.constantFrom("GET", "GET", "POST"),
  fc.constantFrom("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", "PROPFIND", "PURGE"),
);

const ROOMS = [
  ...[
    "small:",
    ":",
    "::",
    "a:b",
    "nope:a",
    "-",
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E.",
    "a%2Fb",
    "%252F",
    "%",
    "%zz",
  ],
  ...[
    "%C3%A9",
    "%ff",
    "%00",
    "a%20b",
    "a+b",
    "%F0%9F%98%80",
    "constructor:a",
    "__proto__:a",
    "toString",
    "x".repeat(129),
  ],
];
const room = often(6, fc.constant(BLANKS.room), fc.constantFrom(...ROOMS), fc.webSegment());
const part = often(
  8,
  fc.constantFrom("", "/events", "/messages", "/history", "/members", "/state"),
  fc.constantFrom("/", "//", "/nope", "/events/", "/messages/1", "/%65vents", "/EVENTS", "/history/../state"),
);
const path = often(
  15,
  fc.tuple(room, part).map(([name, rest]) => `/rooms/${name}${rest}`),
  fc.constantFrom("/", "/healthz", "/readyz", "/rooms", "/rooms/", "//rooms/a", "/.git/config", "/healthz/x"),
  fc.webPath(),
);

const number = fc.constantFrom(
  "0",
  "1",
  "5",
  "500",
  "501",
  "-1",
  "1.5",
  "1e3",
  "",
  " 1",
  "9".repeat(15),
  "9".repeat(16),
  "NaN",
  "0x1",
  "١",
);
const flag = fc.constantFrom("0", "1", "1", "true", "", "2");
const anyText = often(3, fc.string({ maxLength: 20 }), fc.string({ unit: "binary", maxLength: 20 }), long);
const PARAMETERS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  key: often(2, fc.constantFrom(BLANKS.key, "A".repeat(22)), anyText),
  after: often(3, fc.constantFrom(BLANKS.position, "a:0", "a:1e9", ":", "1", BLANKS.member), anyText, number),
  before: often(3, number, anyText),
  since: often(3, number, anyText),
  until: often(3, number, anyText),
  limit: often(3, number, anyText),
  rewind: often(3, number, anyText),
  presence: often(
    3,
    fc.json({ maxDepth: 3 }),
    anyText,
    fc.constant("[".repeat(5_000)),
    fc.constant('"\\ud800"'),
  ),
  mode: often(3, fc.constantFrom("list", "count"), anyText),
  roster: anyText,
  state: flag,
  flow: flag,
  view: flag,
  token: often(1, fc.constant(BLANKS.token), anyText, fc.constant("a.b.c")),
  [BLANKS.key]: anyText,
};
const query = fc
  .array(
    fc
      .constantFrom(...Object.keys(PARAMETERS))
      .chain((name) => fc.tuple(fc.constant(name), PARAMETERS[name] ?? anyText)),
    { maxLength: 4 },
  )
  .chain((pairs) =>
    often(
      8,
      fc.constant(encode(pairs)),
      fc.constantFrom("&&&", "=", "%", "key=%zz", "a=1#b", "?", `&${encode(pairs)}`),
    ),
  );

/** Percent-encodes a query. Placeholders stay as they are, because they are filled in later. */
function encode(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .map(
      ([name, text]) =>
        `${name}=${text.startsWith("%") ? text : new URLSearchParams({ a: text }).toString().slice(2)}`,
    )
    .join("&");
}

const forgedJoin = fc.constantFrom(
  "{}",
  "x",
  `{"v":1,"session":"${BLANKS.session}","key":"${BLANKS.key}","member":"${BLANKS.member}","user":"root","dialect":"json","mode":"list"}`,
  '{"v":1,"session":"s","key":"k","member":"m","user":"root","dialect":"bridge","mode":"list","access":{"grants":["moderate"]}}',
);
const HEADERS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  Upgrade: often(3, fc.constantFrom("websocket", "WebSocket"), headerText),
  "Sec-WebSocket-Protocol": often(
    2,
    fc.constantFrom(
      "parlor.v1",
      "parlor.v2",
      ",",
      "resume.",
      `resume.${BLANKS.key}, parlor.v1`,
      `parlor.v1, bearer.${BLANKS.token}`,
      "bearer.x",
      "parlor.v1, resume.short",
    ),
    headerText,
  ),
  Accept: fc.constantFrom("text/event-stream", "*/*", "application/json"),
  "Parlor-Session": often(
    3,
    fc.constant(BLANKS.session),
    fc.constantFrom(".", "a.b", `${BLANKS.member}.${BLANKS.key}`),
    headerText,
  ),
  "Idempotency-Key": often(1, fc.constantFrom("", "a", "b", "k".repeat(255), "k".repeat(256)), headerText),
  "Last-Event-ID": often(1, fc.constantFrom("~closed", "", BLANKS.position, "a:0"), headerText, long),
  Authorization: often(
    1,
    fc.constantFrom(`Bearer ${BLANKS.token}`, "Bearer", "Bearer a.b.c", "Basic eDp5", "bearer   x"),
    headerText,
  ),
  Origin: fc.constantFrom("null", "https://parlor.test", "https://evil.example", "x", ""),
  "Content-Type": fc.constantFrom(
    "application/json",
    "text/plain",
    "multipart/form-data",
    "x",
    "application/json; charset=utf-16",
  ),
  "Content-Encoding": fc.constantFrom("gzip", "br", "x"),
  "Parlor-Join": forgedJoin,
  "X-Forwarded-For": headerText,
  "X-HTTP-Method-Override": fc.constantFrom("DELETE", "POST"),
  "Access-Control-Request-Method": fc.constantFrom("POST", "DELETE", "x"),
};
const headers = fc
  .array(
    fc
      .constantFrom(...Object.keys(HEADERS))
      .chain((name) => fc.tuple(fc.constant(name), HEADERS[name] ?? headerText)),
    { maxLength: 5 },
  )
  .map((pairs) => Object.fromEntries(pairs));

const body = fc.oneof(
  { weight: 10, arbitrary: framesFor(fc.constant(BLANKS.member)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom("", "a=1&b=2", "x".repeat(70_000)) },
);

/** A POST act with the credentials of a member, and any body. */
const act = fc.record({
  method: fc.constant("POST"),
  path: fc.constant(`/rooms/${BLANKS.room}/messages`),
  headers: headers.map((some) => ({ ...some, "Parlor-Session": BLANKS.session })),
  body,
});

/** Any request that a client can send. */
export const anyRequest: fc.Arbitrary<HostileRequest> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.record({ method, headers, body: often(2, fc.constant(undefined), body) }), path, query)
      .map(([rest, where, asked]) => ({
        ...rest,
        path: asked === "" ? where : `${where}?${asked}`,
        body: ["GET", "HEAD", "get"].includes(rest.method) ? undefined : rest.body,
      })),
  },
  { weight: 1, arbitrary: act },
);

/** Fills in the placeholders of a request. */
export function fillIn(
  { method: how, path: where, headers: given, body: text }: HostileRequest,
  values: Readonly<Record<keyof typeof BLANKS, string>>,
): HostileRequest {
  const filled = (one: string): string =>
    Object.entries(BLANKS).reduce(
      (all, [name, blank]) => all.replaceAll(blank, values[name as keyof typeof BLANKS]),
      one,
    );
  return {
    method: how,
    path: filled(where),
    headers: Object.fromEntries(Object.entries(given).map(([name, value]) => [name, filled(value)])),
    body: typeof text === "string" ? filled(text) : text,
  };
}
