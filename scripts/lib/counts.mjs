// Reads how many tests passed and failed from what the test programs print.

/**
 * Sums the summaries of `node --test` (any reporter) in `output`; null where there is none.
 * A test that was cancelled failed.
 */
export function nodeCounts(output) {
  const sum = (word) => {
    const found = [...output.matchAll(new RegExp(`^(?:#|ℹ) ${word} (\\d+)$`, 'gm'))];
    return found.length === 0 ? null : found.reduce((total, match) => total + Number(match[1]), 0);
  };
  const passed = sum('pass');
  const failed = sum('fail');
  if (passed === null || failed === null) return null;
  return { passed, failed: failed + (sum('cancelled') ?? 0), skipped: (sum('skipped') ?? 0) + (sum('todo') ?? 0) };
}

/**
 * Counts the tests in a JUnit file of ctest. A ctest that ran doctest counts as its test cases, any
 * other as one; one that failed without failing a test case (a crash, a time-out) adds a failure.
 */
export function ctestCounts(junit) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, attributes, body] of junit.matchAll(/<testcase ([^>]*)>([\s\S]*?)<\/testcase>/g)) {
    const status = /status="(\w+)"/.exec(attributes)?.[1];
    if (status === 'disabled' || status === 'notrun') {
      counts.failed += status === 'notrun' ? 1 : 0;
      counts.skipped += status === 'disabled' ? 1 : 0;
      continue;
    }
    const cases = /test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed/.exec(body);
    const passed = Number(cases?.[1] ?? (status === 'run' ? 1 : 0));
    const failed = Number(cases?.[2] ?? 0);
    counts.passed += passed;
    counts.failed += status === 'fail' ? Math.max(failed, 1) : failed;
  }
  return counts;
}
