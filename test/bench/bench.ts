import { writeFileSync } from "node:fs";
import { CONTENDERS } from "./contenders/all.ts";
import { pin } from "./pinning.ts";
import { chartPage } from "./report/chart.ts";
import { describeMachine, machineLines } from "./report/machine.ts";
import { LEGEND, scenarioReport } from "./report/text.ts";
import { runAll, type ScenarioResult } from "./rounds.ts";
import { readCommand } from "./command.ts";
import { SCENARIOS } from "./scenarios/all.ts";

const command = readCommand(process.argv.slice(2), SCENARIOS, CONTENDERS);
if ("say" in command) {
  console.log(command.say);
  process.exit(command.code);
}

const machine = describeMachine();
const pinning = pin();
const startedAt = new Date();
let shown = "";
const results = await runAll({ ...command, runner: pinning.runner }, progress);
progress("");

const about = [
  `${startedAt.toISOString()}, ${command.rounds === 1 ? "1 round" : `${command.rounds} rounds`}`,
  ...machineLines(machine),
  pinning.note,
];
console.log([...results.map(scenarioReport), [LEGEND, ...about].join("\n")].join("\n\n"));
if (command.json !== undefined)
  writeFileSync(command.json, `${JSON.stringify(asJson(results, command.rounds), null, 2)}\n`);
if (command.out !== undefined) writeFileSync(command.out, chartPage(results, about));
const failed = results.some(({ series }) => series.some(({ failures }) => failures.length > 0));
process.exit(failed ? 1 : 0);

/** Every value of every round, for further analysis. */
function asJson(all: readonly ScenarioResult[], rounds: number): object {
  return {
    at: startedAt.toISOString(),
    machine,
    pinning: pinning.note,
    rounds,
    scenarios: all.map(({ scenario, size, series }) => ({
      name: scenario.name,
      about: scenario.about(size),
      size,
      metrics: scenario.metrics,
      series,
    })),
  };
}

/** Shows progress on stderr. On a terminal each line overwrites the one before. */
function progress(text: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\x1b[K${text === "" ? "" : `… ${text}`}`);
  else {
    const run = text.replace(/: .*$/, "");
    if (run !== shown && run !== "") stderr.write(`${run}\n`);
    shown = run;
  }
}
