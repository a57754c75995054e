import { table } from "../../cost/table.ts";
import type { ScenarioResult, Series } from "../rounds.ts";
import type { Metric } from "../scenarios/scenario.ts";
import { BASELINE, figure, flawsIn, ratioIn, spreadIn, titleOf } from "./figures.ts";

/** How to read the tables. */
export const LEGEND = `A figure is the median of the rounds; (least–most) of them, and × how many times ${BASELINE}'s it is.
generator is how much of its core the load itself took.`;

/** The table of a scenario, with what was wrong below it. */
export function scenarioReport({ scenario, size, series }: ScenarioResult): string {
  const notes = series.flatMap(({ outcomes, contender }) =>
    outcomes.flatMap(({ notes = [] }) => notes.map((note) => `  ${contender}: ${note}`)),
  );
  const flaws = series.flatMap(flawsIn).map((flaw) => `! ${flaw}`);
  const [only, another] = series;
  const figures =
    only !== undefined && another === undefined
      ? listOf(only, scenario.metrics)
      : tableOf(series, scenario.metrics);
  return [`${scenario.name}: ${scenario.about(size)}`, "", figures, ...flaws, ...notes].join("\n");
}

/** A line for each server. */
function tableOf(series: readonly Series[], metrics: readonly Metric[]): string {
  const rows = series.map((each) => [each.contender, ...metrics.map((metric) => cell(series, each, metric))]);
  return table(["server", ...metrics.map(titleOf)], rows);
}

/** A line for each figure, where there is one server only. */
function listOf(series: Series, metrics: readonly Metric[]): string {
  const rows = metrics.map((metric) => [titleOf(metric), cell([series], series, metric)]);
  return table(["", series.contender], rows);
}

function cell(all: readonly Series[], series: Series, { name, better }: Metric): string {
  const spread = spreadIn(series, name);
  if (spread === undefined) return "–";
  if (better === undefined) return figure(spread.median);
  const ratio = ratioIn(all, series, name);
  return [
    figure(spread.median),
    ...(series.outcomes.length > 1 ? [`(${figure(spread.min)}–${figure(spread.max)})`] : []),
    ...(ratio === undefined ? [] : [`×${figure(ratio)}`]),
  ].join(" ");
}
