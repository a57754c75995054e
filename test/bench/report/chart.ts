import type { ScenarioResult, Series } from "../rounds.ts";
import type { Metric } from "../scenarios/scenario.ts";
import { BASELINE, figure, flawsIn, ratioIn, spreadIn, titleOf } from "./figures.ts";

const BAR = { height: 18, gap: 8, label: 150, width: 420, value: 190 };
const TOTAL_WIDTH = BAR.label + BAR.width + BAR.value;

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2430; --soft: #69758a; --bar: #9fb0c8; --own: #e4572e; --line: #d8dee8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #9aa6b8; --bar: #50617c; --own: #ff7a54; --line: #333c4a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: ${TOTAL_WIDTH}px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 0; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { margin: 1.2rem 0 .2rem; font-size: 1em; }
p { margin: .2rem 0; } .soft, li { color: var(--soft); }
svg { display: block; width: 100%; height: auto; } text { fill: var(--ink); font-size: 13px; }
.bar { fill: var(--bar); } .own { fill: var(--own); } .spread { stroke: var(--ink); stroke-width: 1.5; }`;

/**
 * A page with a bar for every figure. A line across the end of the bar shows the minimum and the maximum of the rounds.
 * The page is self-contained: it has no script and loads no other resources.
 *
 * @param about lines about the machine, the versions and the command
 */
export function chartPage(results: readonly ScenarioResult[], about: readonly string[]): string {
  const sections = results.map(section).join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parlor: benchmark</title>
<style>${STYLE}</style>
<h1>Parlor: benchmark</h1>
${about.map((line) => `<p class="soft">${escape(line)}</p>`).join("\n")}
${sections}
</html>
`;
}

function section({ scenario, size, series }: ScenarioResult): string {
  const charts = scenario.metrics
    .filter(({ better }) => better !== undefined)
    .map((metric) => chart(series, metric));
  const flaws = series.flatMap(flawsIn).map((flaw) => `<li>${escape(flaw)}</li>`);
  return `<h2>${escape(scenario.name)}</h2>
<p>${escape(scenario.about(size))}</p>
${charts.join("\n")}
${flaws.length === 0 ? "" : `<ul>${flaws.join("")}</ul>`}`;
}

function chart(series: readonly Series[], metric: Metric): string {
  const bars = series.flatMap((each) => {
    const spread = spreadIn(each, metric.name);
    return spread === undefined ? [] : [{ each, spread, ratio: ratioIn(series, each, metric.name) }];
  });
  const most = Math.max(...bars.map(({ spread }) => spread.max), 0) || 1;
  const height = bars.length * (BAR.height + BAR.gap);
  const x = (value: number): number => BAR.label + (Math.max(0, value) / most) * BAR.width;
  const rows = bars.map(({ each, spread, ratio }, index) => {
    const top = index * (BAR.height + BAR.gap) + BAR.gap / 2;
    const middle = top + BAR.height / 2;
    const text = `${figure(spread.median)}${ratio === undefined ? "" : ` (×${figure(ratio)})`}`;
    return `<text x="0" y="${middle + 4}">${escape(each.contender)}</text>
<rect class="${each.contender.startsWith(BASELINE) ? "own" : "bar"}" x="${BAR.label}" y="${top}" width="${round(x(spread.median) - BAR.label)}" height="${BAR.height}" rx="2"/>
<line class="spread" x1="${round(x(spread.min))}" x2="${round(x(spread.max))}" y1="${middle}" y2="${middle}"/>
<text x="${round(x(spread.max) + 8)}" y="${middle + 4}">${escape(text)}</text>`;
  });
  const title = `${titleOf(metric)} (${metric.better} is better)`;
  return `<h3>${escape(title)}</h3>
<svg viewBox="0 0 ${TOTAL_WIDTH} ${height}" role="img" aria-label="${escape(title)}">
${rows.join("\n")}
</svg>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
