import { boolean, custom, instance, maxValue, number, object, pipe, strictObject, string } from "valibot";
import { z } from "zod";
import { defineApp } from "../../../src/protocol/schemas.ts";

/** The schemas of `checked` rooms, of two libraries. */
export const TEST_SCHEMAS = defineApp({
  events: {
    chat: strictObject({ text: string(), author: object({ name: string() }) }),
    cursor: z.object({ x: z.number().max(1), points: z.array(z.number()).optional() }),
    image: instance(Uint8Array),
    e: z.unknown(),
    "note:*": string(),
    "note:number:*": number(),
    broken: custom((value) => {
      if (value === null) return false;
      throw new Error("a bug in the schema");
    }),
    // Nothing shows before this is called with a text that it is asynchronous.
    later: z.string().refine(async () => true),
  },
  state: { votes: pipe(number(), maxValue(10)), "hand:*": boolean() },
  presence: object({ name: string() }),
  requests: { hand: { data: object({ round: number() }), reply: z.array(z.string()) } },
});
