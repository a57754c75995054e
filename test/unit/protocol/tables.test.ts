import { describe, expect, it } from "vitest";
import { CLOSE_CODES, mayReconnect, type CloseCodeRow } from "../../../src/protocol/close-codes.ts";
import { closeFrame, errorFrame } from "../../../src/protocol/encode.ts";
import { ERRORS, type ErrorCode, type ErrorRow } from "../../../src/protocol/errors.ts";
import { utf8Length } from "../../../src/protocol/json.ts";
import { closeOf } from "../../../src/protocol/refusals.ts";

const closes = Object.entries(CLOSE_CODES) as [keyof typeof CLOSE_CODES, CloseCodeRow][];
const errors = Object.entries(ERRORS) as [ErrorCode, ErrorRow][];

describe("close codes", () => {
  it.each(closes)(
    "[C1] the number of close code %s is in the range for its recovery",
    (_name, { code, recovery }) => {
      expect(code).toBeGreaterThanOrEqual(recovery === "reconnect" ? 4000 : 4500);
      expect(code).toBeLessThanOrEqual(recovery === "reconnect" ? 4499 : 4999);
    },
  );

  it("[C1] every close code has a unique number and a reason that fits into a close frame", () => {
    expect(new Set(closes.map(([, { code }]) => code)).size).toBe(closes.length);
    for (const [, { text }] of closes) expect(utf8Length(text)).toBeLessThanOrEqual(123);
  });

  it.each([
    [1000, true],
    [1006, true],
    [3999, true],
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
  ])("[C1] after %i a client may reconnect: %s", (code, may) => {
    expect(mayReconnect(code)).toBe(may);
  });

  it.each(closes)(
    "[S5] a close frame for %s has the same code and reason as the close",
    (name, { code, text }) => {
      expect(closeFrame(name)).toEqual({ type: "close", code, reason: text });
    },
  );
});

describe("errors", () => {
  it("[E1] every error has a unique number", () => {
    expect(new Set(errors.map(([, { number }]) => number)).size).toBe(errors.length);
  });

  it.each(errors)("[E1] %s has a text in lower case and an HTTP error status", (_code, { text, http }) => {
    expect(text).toMatch(/^[a-z]/);
    expect(http).toBeGreaterThanOrEqual(400);
    expect(http).toBeLessThan(600);
  });

  it.each(errors.filter(([, { recovery }]) => recovery === "fix"))(
    "[E1] %s, which the client must fix, has a 4xx status",
    (_code, { http }) => {
      expect(http).toBeLessThan(500);
    },
  );

  it.each(errors.filter(([, { close }]) => close !== undefined))(
    "[J8 S7 C1] the close code of a join rejected with %s allows a reconnect if the error does",
    (code, { recovery }) => {
      expect(mayReconnect(CLOSE_CODES[closeOf({ code })].code)).toBe(
        recovery === "wait" || recovery === "renew" || recovery === "reconnect",
      );
    },
  );

  it.each(errors)("[E1 L1] %s has a retry time if and only if waiting helps", (code, { recovery }) => {
    expect((errorFrame({ code }).retryAfterMs ?? 0) > 0).toBe(recovery === "wait");
  });

  it("[E1] an error frame contains only the fields that are set", () => {
    expect(errorFrame({ code: "bad_frame" })).toEqual({
      type: "error",
      code: "bad_frame",
      message: ERRORS.bad_frame.text,
    });
    expect(errorFrame({ code: "rate_limited", ref: 1, retryAfterMs: 2, limit: "l", message: "m" })).toEqual({
      type: "error",
      ref: 1,
      code: "rate_limited",
      message: "m",
      retryAfterMs: 2,
      limit: "l",
    });
  });
});
