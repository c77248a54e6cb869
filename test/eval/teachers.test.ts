import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { evaluate, type Report } from '../../src/eval/evaluate.ts'
import { readQrels } from '../../src/eval/qrels.ts'
import { readRun } from '../../src/eval/run.ts'
import { sharedMissing, sharedPath } from '../shared.ts'

/**
 * Twelve published runs against trec_eval, cwl_eval and gdeval (test/golden/teachers.py): run →
 * metric → values in the order of the query ids. The runs are not part of the project, the figures
 * are.
 */
const expected: Record<string, Record<string, number[]>> = JSON.parse(
  readFileSync(new URL('../golden/teachers.expected.json', import.meta.url), 'utf8')
)
const folder = sharedPath('data/train/msmarco-teachers')
const reason = folder === undefined ? ` (${sharedMissing})` : ''

const linesOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split('\n')

describe.skipIf(folder === undefined)(`published runs by all measures${reason}`, () => {
  test('every run has its figures', () => {
    const runs = readdirSync(folder!).filter(file => file.endsWith('.trec.gz'))
    expect(Object.keys(expected).sort()).toEqual(runs.map(file => file.slice(0, -8)).sort())
  })

  describe.each(Object.entries(expected))('%s', (system, metrics) => {
    let report: Report
    beforeAll(async () => {
      const track = system.split('.')[1]
      const run = await readRun(linesOf(gunzipSync(readFileSync(`${folder}/${system}.trec.gz`))))
      const qrels = await readQrels(linesOf(readFileSync(`${folder}/qrels.${track}-passage.txt`)))
      report = evaluate(run, qrels, Object.keys(metrics))
    })

    test.each(Object.entries(metrics))('%s', (name, values) => {
      const order = report.queryIds.map((queryId, i) => [queryId, i] as const)
      order.sort(([a], [b]) => (a < b ? -1 : 1))
      const found = order.map(([, i]) => report.perQuery[name]![i]!)
      const furthest = found.map((value, i) => Math.abs(value - values[i]!))
      expect(found).toHaveLength(values.length)
      expect(Math.max(...furthest)).toBeLessThan(1e-6)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      expect(Math.abs(report.means[name]! - mean)).toBeLessThan(1e-6)
    })
  })
})
