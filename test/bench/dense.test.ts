import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runProgram } from '../run-program.ts'

const script = fileURLToPath(new URL('../../bench/dense.mjs', import.meta.url))
const run = (...options: string[]) => runProgram(process.execPath, [script, ...options])

it.each(['cosine', 'dot', 'euclidean'])('the dense benchmark runs with %s', metric => {
  const { status, stdout, stderr } = run(
    ...['--vectors', '2000', '--dimensions', '96', '--queries', '5', '--passes', '2'],
    ...['--metric', metric, '--json']
  )
  expect(status, stderr).toBe(0)
  const { collection, rows } = JSON.parse(stdout)
  expect(collection).toMatchObject({ numVectors: 2000, dimensions: 96, metric })
  const [exact, screened] = rows
  expect([exact.isWasm, screened.isWasm]).toEqual([true, true])
  expect(exact.numScored).toBe(2000)
  expect(screened.numScored).toBeLessThan(1000)
  for (const { msMin, msP50, msP99 } of rows) {
    expect(msMin).toBeGreaterThan(0)
    expect([msP50 >= msMin, msP99 >= msP50]).toEqual([true, true])
  }
})

it('refuses options without meaning', () => {
  expect(run('--vectors', '0')).toMatchObject({ status: 1, stdout: '' })
  expect(run('--vectors', '10', '--metric', 'none')).toMatchObject({ status: 1, stdout: '' })
})
