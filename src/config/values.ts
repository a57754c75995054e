import type { ChoiceOption, NumberOption, TextOption } from "./option-types.ts";
import { readOrigins } from "./origins.ts";
import { shown } from "../protocol/shown.ts";

/** Any option. */
export type Option = NumberOption | ChoiceOption | TextOption;

/** Records a problem. */
export type Objects = (problem: string) => void;

/** Reads an option's variable. Returns the default if it is absent, empty or invalid. */
export function readVariable(option: Option, raw: unknown, objects: Objects): number | string {
  if (raw === undefined || raw === "") return option.default;
  if ("min" in option) {
    const number = typeof raw === "string" && /^\d+$/.test(raw) ? Number(raw) : raw;
    return isWithin(option, number) ? number : refused(option, option.env, raw, objects);
  }
  if ("values" in option) {
    const isOne = typeof raw === "string" && option.values.includes(raw);
    return isOne ? raw : refused(option, option.env, raw, objects);
  }
  if (typeof raw !== "string") return refused(option, option.env, raw, objects);
  return readText(option, raw, objects);
}

/** Reads an option that a kind sets in code. */
export function readNumber(option: NumberOption, raw: unknown, where: string, objects: Objects): number {
  return isWithin(option, raw) ? raw : refused(option, where, raw, objects);
}

function isWithin({ min, max }: NumberOption, raw: unknown): raw is number {
  return typeof raw === "number" && Number.isInteger(raw) && raw >= min && raw <= max;
}

function readText(option: TextOption, raw: string, objects: Objects): string {
  const text = raw.trim();
  if (text === "") objects(`${option.env} is blank; remove it or give it a value`);
  if (option.env !== "ALLOWED_ORIGINS") return text;
  const { value, problems } = readOrigins(text);
  problems.forEach(objects);
  return value;
}

function refused<Row extends Option>(
  option: Row,
  where: string,
  raw: unknown,
  objects: Objects,
): Row["default"] {
  const isSecret = "secret" in option && option.secret === true;
  objects(`${where} is ${isSecret ? `of the type ${typeof raw}` : shown(raw)}, must be ${allowed(option)}`);
  return option.default;
}

function allowed(option: Option): string {
  if ("min" in option) return `a whole number from ${option.min} to ${option.max} (${option.unit})`;
  if ("values" in option) return `one of ${option.values.join(", ")}`;
  return option.unit === "origins" || option.unit === "texts"
    ? "a string with items separated by commas"
    : "a string";
}
