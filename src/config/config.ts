import { DEFAULT_KIND, kindOf } from "../protocol/room-names.ts";
import type { Kinds } from "./kinds.ts";
import { nearestName } from "./nearest.ts";
import { OPTIONS, type OptionValues, type ServerOptions } from "./options.ts";
import { settleKind, type Kind } from "./settle-kind.ts";
import { readVariable, type Option } from "./values.ts";

export type { Kind } from "./settle-kind.ts";

/** The configuration of a server: a value for each option, and a {@link Kind} for each kind. */
export interface Config {
  readonly server: ServerOptions;
  readonly kinds: ReadonlyMap<string, Kind>;
}

/** Variables by name, as in a Worker's `env`. Other bindings are ignored. */
export type Variables = Readonly<Record<string, unknown>>;

/** A configuration with problems. Its message names each of them on a line. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    super(
      `Parlor does not start: its configuration has ${count}.\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Settles every option: a kind's own value, otherwise the variable, otherwise the default. An invalid value is a problem,
 * and its default replaces it.
 */
export function settleConfig(
  variables: Variables,
  kinds: Kinds,
): { readonly config: Config; readonly problems: readonly string[] } {
  const found = new Set<string>();
  const objects = (problem: string): void => void found.add(problem);
  const entries = Object.entries(OPTIONS).map(
    ([name, option]: [string, Option]) =>
      [name, readVariable(option, variables[option.env], objects)] as const,
  );
  const server = Object.fromEntries(entries) as unknown as OptionValues;
  const settled = new Map<string, Kind>();
  for (const [name, definition] of Object.entries(kinds ?? {})) {
    settled.set(name, settleKind(name, definition, server, objects));
  }
  if (!settled.has(DEFAULT_KIND))
    objects(
      `kinds: "${DEFAULT_KIND}" is missing; add it, because it is the kind of rooms without a colon in their name`,
    );
  misspelled(variables).forEach(objects);
  return { config: { server, kinds: settled }, problems: [...found] };
}

/**
 * Finds variables whose name resembles an option that is not set, because such an option would silently have its default.
 * Ignores other variables of the Worker. Also ignores a variable that resembles an option once that option is set.
 */
function misspelled(variables: Variables): readonly string[] {
  const known = Object.values(OPTIONS).map(({ env }) => env);
  return Object.keys(variables).flatMap((name) => {
    const value = variables[name];
    if (known.includes(name as (typeof known)[number]) || isBinding(value)) return [];
    const meant = nearestName(name, known);
    if (meant === undefined || variables[meant] !== undefined) return [];
    return [
      `${name} is not an option; rename it to ${meant}, or set ${meant}="" if it is a variable of your own`,
    ];
  });
}

/** Whether a value is a binding. Variables are strings and numbers, bindings are objects or functions. */
function isBinding(value: unknown): boolean {
  return typeof value === "object" || typeof value === "function";
}

/** The kind of a room, or the default kind: a newer Worker may accept a name whose kind this code does not know. */
export function kindOfRoom(config: Config, name: string | undefined): Kind {
  const kind = config.kinds.get(kindOf(name ?? "")) ?? config.kinds.get("default");
  if (kind === undefined) throw new Error("the configuration has no default kind");
  return kind;
}
