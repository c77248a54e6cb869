import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CorpusRecord } from '../../src/entry/corpus.ts'
import { createIndex, EsplanadeError, openIndex, sparseVector } from '../../src/entry/index.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-nothing-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function* records(...given: CorpusRecord[]): AsyncGenerator<CorpusRecord> {
  yield* given
}

const vector = { kind: 'terms', vector: sparseVector([3], [1]) } as const
const good: CorpusRecord = {
  kind: 'document',
  document: { key: 'gull', text: '', metadata: {}, vector },
  format: 'jsonl',
  place: 't:1'
}
const bad: CorpusRecord = {
  kind: 'problem',
  error: new EsplanadeError('CORPUS_INVALID', { problem: 'no key' })
}

it('an index is not replaced by one of bad records only', async () => {
  const directory = join(folder, 'index')
  await createIndex(directory, records(good), { model: null })
  await expect(
    createIndex(directory, records(bad, bad), { model: null, overwrite: true })
  ).rejects.toMatchObject({ code: 'CORPUS_INVALID' })
  expect(readdirSync(folder)).toEqual(['index'])
  await using index = await openIndex(directory)
  expect(index.manifest.numDocuments).toBe(1)
})

it('a corpus without records is an index without documents', async () => {
  const { manifest } = await createIndex(join(folder, 'empty'), records(), { model: null })
  expect(manifest.numDocuments).toBe(0)
})
