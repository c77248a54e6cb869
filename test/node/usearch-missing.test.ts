import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'

vi.mock('usearch', () => {
  throw new Error('the binary is for another system')
})

/** An entry in a world of its own, where no other one has handed in anything. */
async function indexOf(entry: string) {
  vi.resetModules()
  const { DenseIndexBuilder, buildHnsw } = (await import(
    entry
  )) as typeof import('../../src/entry/search.ts')
  const builder = new DenseIndexBuilder(2)
  builder.add('a', [1, 2])
  return { buildHnsw, dense: builder.finish() }
}

it('a graph says which package is missing, and nothing else needs it', async () => {
  const { buildHnsw, dense } = await indexOf('../../src/entry/search.ts')
  expect((await dense.search([1, 2])).hits).toHaveLength(1)
  await expect(buildHnsw(dense)).rejects.toMatchObject({
    code: 'RUNTIME_MISSING',
    problem: expect.stringContaining('the package usearch'),
    remedy: expect.stringContaining('npm i usearch'),
    cause: expect.anything()
  })
})

it('a browser says that it has no graphs', async () => {
  const { buildHnsw, dense } = await indexOf('../../src/entry/search.browser.ts')
  expect((await dense.search([1, 2])).hits).toHaveLength(1)
  await expect(buildHnsw(dense)).rejects.toMatchObject({
    code: 'RUNTIME_MISSING',
    problem: expect.stringContaining('for Node alone')
  })
})

it('a collection that is to keep graphs is not made', async () => {
  vi.resetModules()
  const { openCollection } = await import('../../src/node/open-collection.ts')
  const directory = join(tmpdir(), `esplanade-no-usearch-${process.pid}`)
  const dense = { dimensions: 2, index: 'hnsw' } as const
  await expect(openCollection(directory, { model: null, dense })).rejects.toMatchObject({
    code: 'RUNTIME_MISSING'
  })
  expect(existsSync(directory)).toBe(false)
})
