import { parseArgs } from "node:util";
import { OPTIONS } from "../../src/config/options.ts";
import { loadReport } from "./load-report.ts";
import { MAX_MESSAGES, measureLoad } from "./load.ts";
import { workerdVersion } from "./metered-server.ts";
import { quietReport } from "./quiet-report.ts";
import { measureQuiet } from "./quiet.ts";

const HELP = `Measures what a room is billed for, in the bare runtime on this machine.

  npm run cost -- [load] [quiet] [options]

  load   what recorded messages cost: rows and requests, published in several ways
  quiet  what a room costs while its members only ping

  By default it measures both, one after the other. Load takes about two minutes, quiet takes the minutes given.

  --messages N  load: messages in each measurement, 1 to ${MAX_MESSAGES} (5000)
  --keep N      load: a small HISTORY_MAX_MESSAGES to measure with, in addition to the default (1000)
  --members N   quiet: members, 1 to 1000 (100)
  --minutes N   quiet: duration in minutes, 1 to 1440 (5)
  --json        print the counts as JSON instead of tables (npm run -s omits npm's own lines)
  --help        print this help

Exits with 0 after a measurement, 1 if the measurement failed, 2 if an argument is not valid.`;

const { values, positionals } = readArguments();
if (values.help === true) finish(HELP, 0);
const wanted = positionals.length === 0 ? ["load", "quiet"] : positionals;
const unknown = wanted.find((name) => name !== "load" && name !== "quiet");
if (unknown !== undefined) finish(`unknown measurement ${unknown}\n\n${HELP}`, 2);

const messages = readNumber("messages", 5_000, MAX_MESSAGES);
const keep = readNumber("keep", 1_000, OPTIONS.historyMaxMessages.default);
const members = readNumber("members", 100, OPTIONS.maxMembers.default);
const minutes = readNumber("minutes", 5, 1_440);
let shown = "";

try {
  const kept = [...new Set([OPTIONS.historyMaxMessages.default, keep])];
  const load = wanted.includes("load") ? await measureLoad({ messages, kept }, progress) : undefined;
  const quiet = wanted.includes("quiet") ? await measureQuiet({ members, minutes }, progress) : undefined;
  progress("");
  const versions = { workerd: workerdVersion(), node: process.versions.node };
  const reports = [
    ...(load === undefined ? [] : [loadReport(load)]),
    ...(quiet === undefined ? [] : [quietReport(quiet)]),
    `workerd ${versions.workerd}, Node ${versions.node}`,
  ];
  finish(values.json === true ? JSON.stringify({ versions, load, quiet }, null, 2) : reports.join("\n\n"), 0);
} catch (error) {
  progress("");
  finish(error instanceof Error ? error.message : String(error), 1);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        messages: { type: "string" },
        keep: { type: "string" },
        members: { type: "string" },
        minutes: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    return finish(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`, 2);
  }
}

function readNumber(
  name: "messages" | "keep" | "members" | "minutes",
  byDefault: number,
  max: number,
): number {
  const text = values[name];
  if (text === undefined) return byDefault;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  return finish(`--${name} must be a whole number from 1 to ${max}\n\n${HELP}`, 2);
}

/** Shows progress on stderr. On a terminal each line overwrites the one before. */
function progress(text: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${text === "" ? "" : `… ${text}`}`);
  else {
    const step = text.replace(/: \d+ s left$/, "");
    if (step !== shown && step !== "") stderr.write(`${step}\n`);
    shown = step;
  }
}

function finish(text: string, code: number): never {
  console.log(text);
  process.exit(code);
}
