import type { Contender } from "./contenders/contender.ts";
import type { Outcome, Scenario, Size } from "./scenarios/scenario.ts";

/** What to measure. */
export interface Plan {
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  /** The size of a scenario's runs. */
  readonly sizeOf: (scenario: Scenario) => Size;
  /** The command that runs a server on its own core. */
  readonly runner: readonly string[];
}

/** All runs of one server in one scenario. */
export interface Series {
  readonly contender: string;
  /** One outcome for each successful round, in order. */
  readonly outcomes: Outcome[];
  /** Why rounds failed. */
  readonly failures: string[];
}

/** The results of a scenario. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly size: Size;
  readonly series: readonly Series[];
}

/**
 * Runs everything round by round, so that other activity of the machine affects all servers alike. Every other round
 * reverses the order, so that no server always runs after the same one.
 */
export async function runAll(plan: Plan, progress: (text: string) => void): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of plan.scenarios) {
    const size = plan.sizeOf(scenario);
    const contenders = plan.contenders.filter(({ name }) => scenario.contenders.includes(name));
    const series = contenders.map(({ name }): Series => ({ contender: name, outcomes: [], failures: [] }));
    for (let round = 1; round <= plan.rounds; round++) {
      const order = contenders.map((contender, index) => ({ contender, into: series[index] }));
      for (const { contender, into } of round % 2 === 1 ? order : order.toReversed()) {
        const title = `${scenario.name}, round ${round} of ${plan.rounds}, ${contender.name}`;
        const setup = {
          contender,
          runner: plan.runner,
          size,
          progress: (text: string) => progress(`${title}: ${text}`),
        };
        try {
          into?.outcomes.push(await scenario.run(setup));
        } catch (error) {
          // A server that cannot take a load is a result too, and the others still have to be measured.
          into?.failures.push(error instanceof Error ? error.message : String(error));
        }
      }
    }
    if (contenders.length > 0) results.push({ scenario, size, series });
  }
  return results;
}
