import type { FullResult, Reporter, Suite } from '@playwright/test/reporter';

/** Ends the run with one plain line, "N passed, N failed, N skipped", for whoever reads only the last lines. */
export default class ClosingLine implements Reporter {
  private suite: Suite | null = null;
  private errors = 0;

  printsToStdio(): boolean {
    return false;
  }

  onBegin(_config: unknown, suite: Suite): void {
    this.suite = suite;
  }

  onError(): void {
    // A file that could not be loaded has no tests to count, but it has failed.
    this.errors += 1;
  }

  onEnd(_result: FullResult): void {
    const count = { passed: 0, failed: this.errors, skipped: 0 };
    for (const test of this.suite?.allTests() ?? []) {
      const outcome = test.outcome();
      if (outcome === 'expected') count.passed += 1;
      else if (outcome === 'skipped') count.skipped += 1;
      else count.failed += 1;
    }
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}
