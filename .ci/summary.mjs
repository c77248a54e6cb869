import { readFileSync } from 'node:fs'

/**
 * `node summary.mjs REPORT TESTS CHECK [QUALITY]`: prints `N passed, N failed[, N skipped]` from
 * vitest's JSON report and the exit codes of the tests, of the checks and, where the collections for
 * them are, of the quality figures. Exits with 1 if anything failed.
 *
 * What fails without being a test counts as one failure: a test file that does not load, a build
 * that breaks before the tests (no report), an error outside all tests, a check.
 */
const [report = '', tests = '1', check = '1', quality] = process.argv.slice(2)

const counts = { passed: 0, failed: 0, skipped: 0 }
try {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  for (const { status, assertionResults } of testResults) {
    for (const result of assertionResults) {
      if (result.status === 'passed') counts.passed++
      else if (result.status === 'failed') counts.failed++
      else counts.skipped++
    }
    const isCounted = assertionResults.some(result => result.status === 'failed')
    if (status === 'failed' && !isCounted) counts.failed++
  }
} catch {
  // No report, or half of one: the exit code of the tests says that they failed.
}
// 124: stopped by the time limit. With a report, which is written last, all tests had ended.
const stoppedAtEnd = tests === '124' && counts.passed > 0
if (tests !== '0' && !stoppedAtEnd && counts.failed === 0) counts.failed++
if (check !== '0') counts.failed++
if (quality === '0') counts.passed++
else if (quality !== undefined) counts.failed++
// Nothing that ran is nothing that passed.
if (counts.passed === 0 && counts.failed === 0) counts.failed++

const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`)
process.exitCode = counts.failed === 0 ? 0 : 1
