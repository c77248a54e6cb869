import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { quantile, spreadOf } from '../../bench/encode/spread.mjs'
import { runProgram } from '../run-program.ts'

const script = fileURLToPath(new URL('../../bench/encode.mjs', import.meta.url))
const run = (...options: string[]) => runProgram(process.execPath, [script, ...options])

type Figures = Record<string, { min: number; median: number; max: number }>

describe('the encode benchmark', () => {
  it('runs, after the vectors agree with the reference', () => {
    const { status, stdout } = run('--texts', '20', '--rounds', '1', '--json')
    expect(status).toBe(0)
    const report = JSON.parse(stdout)
    expect(report.corpus.numTexts).toBe(20)
    expect(Object.keys(report.figures)).toEqual(['float32', 'mixed', 'int8'])
    for (const [precision, figures] of Object.entries<Figures>(report.figures)) {
      const { numTexts, maxDifference } = report.agreement[precision]
      expect(numTexts).toBe(22)
      expect(maxDifference).toBeLessThan(precision === 'int8' ? 0.15 : 1e-4)
      for (const figure of ['textsPerS', 'tokensPerS', 'peakRssMiB', 'queryMsP50']) {
        const { min, median, max } = figures[figure]!
        expect(min).toBeGreaterThan(0)
        expect([min, median]).toEqual([median, max])
      }
    }
  })

  it('refuses options without meaning, and a peer that does not start', () => {
    expect(run('--rounds', '0')).toMatchObject({ status: 1, stdout: '' })
    const noPeer = run('--texts', '5', '--rounds', '1', '--peer', 'no-such-python')
    expect(noPeer).toMatchObject({ status: 1, stdout: '' })
    expect(noPeer.stderr).toContain('no-such-python')
  })

  it('summarises rounds by nearest rank', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 })
    expect(quantile([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 0.9)).toBe(90)
  })
})
