import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Ends a run's report with `N passed, N failed, N skipped` alone on the last line, for people and scripts.
 *
 * Printed when the process exits, because pools can still write while they close.
 */
export class ClosingLine implements Reporter {
  #line = "";

  onInit(): void {
    process.once("exit", () => console.log(this.#line));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string) => states.filter((one) => one === state).length;

    const passed = count("passed");
    const failed = count("failed") + modules.flatMap(brokenSuites).length + unhandled.length;
    const skipped = states.length - passed - count("failed");
    this.#line = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  }
}

/** A file that does not load or a hook that throws fails the run without failing any test. It counts as one failure. */
function brokenSuites(module: TestModule) {
  return [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
}
