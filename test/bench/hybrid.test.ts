import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runProgram } from '../run-program.ts'

const script = fileURLToPath(new URL('../../bench/hybrid.mjs', import.meta.url))
const run = (...options: string[]) => runProgram(process.execPath, [script, '--tiny', ...options])

it('the hybrid benchmark compares the hits, and tells what each part takes', () => {
  const { status, stdout, stderr } = run(
    ...['--docs', '1500', '--dimensions', '32', '--queries', '5', '--passes', '2'],
    ...['--checked', '5', '--json']
  )
  expect(status, stderr).toBe(0)
  const { collection, ms } = JSON.parse(stdout)
  expect(collection).toMatchObject({ numDocuments: 1500, dimensions: 32, k: 10 })
  for (const part of ['flat scan alone', 'sparse', 'dense', 'bm25', 'fuse', 'whole']) {
    expect(ms[part], part).toBeGreaterThan(0)
  }
  expect(ms.whole).toBeGreaterThan(ms['flat scan alone'])
})

it('refuses options without meaning', () => {
  expect(run('--docs', '0')).toMatchObject({ status: 1, stdout: '' })
})
