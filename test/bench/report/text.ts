import { table } from "../../cost/table.ts";
import type { ScenarioResult, Series } from "../rounds.ts";
import type { Metric } from "../scenarios/scenario.ts";
import { BASELINE, figure, flawsIn, ratioIn, spreadIn, titleOf } from "./figures.ts";

/** How to read the tables. */
export const LEGEND = `A figure is the median of the rounds, followed by (minimum–maximum) and by × its ratio to ${BASELINE}'s figure.
generator is how much of its own core the load generator used.`;

/** The table of a scenario, followed by its flaws. */
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

/** A table with a row for each server. */
function tableOf(series: readonly Series[], metrics: readonly Metric[]): string {
  const rows = series.map((each) => [each.contender, ...metrics.map((metric) => cell(series, each, metric))]);
  return table(["server", ...metrics.map(titleOf)], rows);
}

/** A table with a row for each figure, if there is only one server. */
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
