import { expect, it } from "vitest";
import { defined } from "../../../src/protocol/defined.ts";

interface Fields {
  readonly first?: number;
  readonly second?: string | null;
  readonly third: boolean;
}

it("fields that are undefined are left out, other empty values are kept, and the order stays", () => {
  const fields: Fields = defined({ third: false, first: undefined, second: null });

  expect(JSON.stringify(fields)).toBe('{"third":false,"second":null}');
  expect(Object.keys(fields)).toEqual(["third", "second"]);
});
