import { expect, it } from "vitest";
import { utf8Length } from "../../../src/client/sending/encode.ts";

it.each(["", "plain", "é", "߿ࠀ", "€", "😀😀", "\ud800", "\udc00x\ud83d", "aé€😀\ud83d"])(
  "[F3] the size of %j is the number of bytes that an encoder writes",
  (text) => {
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  },
);
