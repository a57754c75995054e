import { parseArgs } from "node:util";
import { CHECKS } from "./checks.ts";
import { resultLine, summaryLine, type CheckResult } from "./report.ts";
import { Target } from "./target.ts";

const HELP = `Checks a deployed Parlor from outside.

  npm run smoke -- https://parlor.example.workers.dev [options]

  --quick      skip the slow check, whether an idle room sleeps (22 to 42 s)
  --room NAME  the room to use; the default is a new room, smoke-<time>
  --json       print the results as JSON instead of a table
  --help       print this

Exits with 0 if every check passed, 1 if one failed, 2 if the arguments are not valid.`;

const { values, positionals } = readArguments();
const [address] = positionals;
if (values.help === true) finish(HELP, 0);
if (address === undefined || !/^https?:\/\//.test(address)) finish(HELP, 2);

const url = new URL(address).origin;
const target = new Target(url, values.room ?? `smoke-${Date.now()}`);
const isTable = values.json !== true;
const isTerminal = isTable && process.stdout.isTTY;

if (isTable) console.log(`${url}, room ${target.room}\n`);
const results: CheckResult[] = [];
for (const check of CHECKS) {
  const startedAt = performance.now();
  const result = (outcome: CheckResult["outcome"], detail: string): CheckResult => ({
    name: check.name,
    outcome,
    tookMs: Math.round(performance.now() - startedAt),
    detail: detail.split("\n", 1)[0] ?? "",
  });
  if (check.isSlow === true && values.quick === true) results.push(result("skipped", "skipped by --quick"));
  else {
    progress(check.name);
    results.push(
      await check.run(target, progress).then(
        (seen) => result("ok", seen),
        (error: unknown) => result("failed", reasonOf(error)),
      ),
    );
  }
  await target.dropAll();
  progress("");
  const last = results.at(-1);
  if (isTable && last !== undefined) console.log(resultLine(last));
}
const hasFailed = results.some(({ outcome }) => outcome === "failed");
finish(isTable ? `\n${summaryLine(results)}` : JSON.stringify({ url, results }, null, 2), hasFailed ? 1 : 0);

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        json: { type: "boolean" },
        quick: { type: "boolean" },
        room: { type: "string" },
      },
    });
  } catch (error) {
    return finish(`${reasonOf(error)}\n\n${HELP}`, 2);
  }
}

/** Shows the progress in a terminal, in a line that the next output overwrites. */
function progress(text: string): void {
  if (isTerminal) process.stdout.write(`\r\x1b[K${text === "" ? "" : `… ${text}`}`);
}

/** Describes an error with its cause, because a network error has its reason only there. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function finish(text: string, code: number): never {
  console.log(text);
  process.exit(code);
}
