import { parseArgs } from "node:util";
import type { Contender } from "./contenders/contender.ts";
import type { Plan } from "./rounds.ts";
import type { Scenario } from "./scenarios/scenario.ts";

/** The parsed command line. */
export interface Command extends Omit<Plan, "runner"> {
  /** The file for the values of all rounds, as JSON. */
  readonly json: string | undefined;
  /** The file for the page with charts. */
  readonly out: string | undefined;
}

/** A text to print instead of measuring. */
export interface Refusal {
  readonly say: string;
  readonly code: number;
}

/** Enough rounds for a median that one bad round does not change. */
const DEFAULT_ROUNDS = 5;

const MAX = { rounds: 100, members: 20_000, seconds: 3_600 };

/** Parses the command line. */
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
  if (unknown !== undefined) throw new Error(`unknown ${what} ${unknown}`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function number(name: keyof typeof MAX, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX[name]) return value;
  throw new Error(`--${name} must be a whole number from 1 to ${MAX[name]}`);
}

function helpText(scenarios: readonly Scenario[], contenders: readonly Contender[]): string {
  const list = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([name, about]) => `  ${name.padEnd(20)}${about}`).join("\n");
  return `Compares Parlor with other servers. Each server runs on one core of this machine, under load from one generator.

  npm run bench -- [scenario ...] [options]

Scenarios (default: all):
${list(scenarios.map(({ name, about, size }) => [name, about(size)]))}

Servers:
${list(contenders.map(({ name, about }) => [name, about]))}

Options:
  --servers A,B   only these servers (default: all that can take part)
  --rounds N      number of rounds; each starts fresh processes and reverses the order of the servers (${DEFAULT_ROUNDS})
  --members N     total number of members, instead of the scenario's own number
  --seconds N     how long to measure, instead of the scenario's own time (restart: how long the server is down)
  --quick         one small and short round: checks that it runs, not how fast
  --json FILE     write the values of all rounds
  --out FILE      write a page with charts (HTML)
  --help          print this help

Rooms are stored in the folder for temporary files. With TMPDIR=/dev/shm the disk does not affect the figures.
The table is written to standard output, progress to standard error. Exits with 0 after all measurements, 1 if a
server could not be measured, 2 if an argument is not valid.`;
}
