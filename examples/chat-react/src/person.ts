import type { Json } from "parlor/client";
import { fieldsOf } from "./fields.ts";

/** The presence data of a member. */
export interface Person {
  readonly name: string;
  /** Of its colour, in degrees. */
  readonly hue: number;
  readonly isTyping?: boolean | undefined;
}

const NAMES = [
  "Ada",
  "Alan",
  "Barbara",
  "Donald",
  "Edsger",
  "Frances",
  "Grace",
  "Ken",
  "Leslie",
  "Radia",
  "Tony",
];

export const NOBODY: Person = { name: "", hue: 0 };

/** Draws a name and a colour. */
export function randomPerson(): Person {
  const name = NAMES[Math.floor(Math.random() * NAMES.length)] ?? "Ada";
  return { name, hue: Math.floor(Math.random() * 360) };
}

/** Reads presence data. It comes from other clients, which can send anything. */
export function personOf(data: Json | undefined): Person {
  const { name, hue, isTyping } = fieldsOf(data);
  return {
    name: typeof name === "string" && name.trim() !== "" ? name.slice(0, 24) : "Somebody",
    hue: typeof hue === "number" ? hue : 0,
    isTyping: isTyping === true,
  };
}
