import { parseArgs } from "node:util";
import type { Contender } from "./contenders/contender.ts";
import type { Plan } from "./rounds.ts";
import type { Scenario } from "./scenarios/scenario.ts";

/** What was asked for. */
export interface Command extends Omit<Plan, "runner"> {
  /** Where the values of all rounds go, as JSON. */
  readonly json: string | undefined;
  /** Where the page with charts goes. */
  readonly out: string | undefined;
}

/** Something to say in place of measuring. */
export interface Refusal {
  readonly say: string;
  readonly code: number;
}

/** Enough for a median that one bad round does not move. */
const DEFAULT_ROUNDS = 5;

const MAX = { rounds: 100, members: 20_000, seconds: 3_600 };

/** Reads the command line. */
export function readCommand(
  args: readonly string[],
  scenarios: readonly Scenario[],
  contenders: readonly Contender[],
): Command | Refusal {
  const help = helpText(scenarios, contenders);
  try {
    const { values, positionals } = parse(args);
    if (values.help === true) return { say: help, code: 0 };
    const isQuick = values.quick === true;
    const [members, seconds] = [number("members", values.members), number("seconds", values.seconds)];
    return {
      scenarios: pick("scenario", positionals, scenarios),
      contenders: pick("server", values.servers?.split(",") ?? [], contenders),
      rounds: number("rounds", values.rounds) ?? (isQuick ? 1 : DEFAULT_ROUNDS),
      sizeOf: ({ size, quickSize }) => {
        const usual = isQuick ? quickSize : size;
        return { members: members ?? usual.members, seconds: seconds ?? usual.seconds };
      },
      json: values.json,
      out: values.out,
    };
  } catch (error) {
    return { say: `${error instanceof Error ? error.message : String(error)}\n\n${help}`, code: 2 };
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      servers: { type: "string" },
      rounds: { type: "string" },
      members: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean" },
      json: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean" },
    },
  });
}

function pick<Named extends { readonly name: string }>(
  what: string,
  names: readonly string[],
  all: readonly Named[],
): readonly Named[] {
  const unknown = names.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined) throw new Error(`there is no ${what} ${unknown}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function number(name: keyof typeof MAX, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX[name]) return value;
  throw new Error(`--${name} is a whole number from 1 to ${MAX[name]}`);
}

function helpText(scenarios: readonly Scenario[], contenders: readonly Contender[]): string {
  const list = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([name, about]) => `  ${name.padEnd(20)}${about}`).join("\n");
  return `Compares Parlor with other servers, each on one core of this machine, under loads of one generator.

  npm run bench -- [scenario ...] [options]

Scenarios, by default all:
${list(scenarios.map(({ name, about, size }) => [name, about(size)]))}

Servers:
${list(contenders.map(({ name, about }) => [name, about]))}

Options:
  --servers A,B   only these (all that can take part)
  --rounds N      how often, each time with fresh processes and in the other order (${DEFAULT_ROUNDS})
  --members N     members in all, in place of the scenario's own number
  --seconds N     how long to measure, in place of the scenario's own
  --quick         one round, small and short: whether it runs, not how fast
  --json FILE     write the values of all rounds
  --out FILE      write a page with charts (HTML)
  --help          print this

Rooms are stored in the folder for temporary files; with TMPDIR=/dev/shm the disk is no part of what is measured.
A table on standard output, what goes on beside it. Exits with 0 once it has measured, 1 if a server could not be
measured, 2 if it could not be asked so.`;
}
