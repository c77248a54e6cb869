import { expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { dotProduct } from '../../src/vector/similarity.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { changedLayout, type Golden, goldenOf, layoutPath } from '../encoder/layout-folders.ts'
import { openSmall, refusal } from './small-collection.ts'

const load = { numThreads: 1 }

const writeTexts = ({ texts }: Golden, collection: Collection) =>
  collection.upsert(texts.flatMap((text, i) => (text ? [{ key: `${i}`, text }] : [])))

/** The scores of each document by its key, as the vectors of sentence-transformers give them. */
function scoresOf(query: number, { queries }: Golden, { documents }: Golden) {
  const { terms, weights } = queries[query]!
  const vector = sparseVector(terms, weights)
  return documents
    .map((one, i) => ({
      key: `${i}`,
      score: dotProduct(vector, sparseVector(one.terms, one.weights))
    }))
    .filter(({ key, score }) => key !== '0' && score > 0)
    .sort((a, b) => b.score - a.score)
}

async function expectScores(collection: Collection, queries: Golden, documents: Golden) {
  for (const [i, text] of queries.texts.entries()) {
    if (text === '') continue
    const { hits } = await collection.search(text)
    const expected = scoresOf(i, queries, documents)
    expect(hits.map(({ key }) => key)).toEqual(expected.map(({ key }) => key))
    for (const [at, { score }] of hits.entries()) {
      expect(Math.abs(score - expected[at]!.score)).toBeLessThan(1e-3)
    }
  }
}

it.each(['router-table', 'router-models'])('a collection searches with %s', async layout => {
  const golden = goldenOf(layout)
  const collection = await openSmall({ model: layoutPath(layout), load })
  await writeTexts(golden, collection)
  await expectScores(collection, golden, golden)
  await collection.close()
  const again = await openSmall({ model: layoutPath(layout) }, collection.directory)
  await expectScores(again, golden, golden)
})

it('a collection whose model has another table for queries by now is not searched', async () => {
  const folder = changedLayout('router-table', {})
  const collection = await openSmall({ model: folder, load })
  await writeTexts(goldenOf('router-table'), collection)
  await collection.close()
  const other = changedLayout('router-table', {
    'query_0_SparseStaticEmbedding/config.json': { path: 'idf.json' },
    'query_0_SparseStaticEmbedding/idf.json': { fog: 1, ferry: 2 }
  })
  expect(await refusal(openSmall({ model: other, load }, collection.directory))).toContain(
    'COLLECTION_MISMATCH'
  )
})

it('a collection finds the model of its queries again', async () => {
  const [documents, queries] = [goldenOf('plain'), goldenOf('splade-6')]
  const queryModel = changedLayout('splade-6', {})
  const options = { model: layoutPath('plain'), load: { ...load, queryModel } }
  const collection = await openSmall(options)
  await writeTexts(documents, collection)
  await expectScores(collection, queries, documents)
  await collection.close()
  const again = await openSmall({ model: layoutPath('plain'), load }, collection.directory)
  await expectScores(again, queries, documents)
  await again.close()
  const wrong = { ...load, queryModel: layoutPath('router-ones') }
  const mixed = await openSmall({ model: layoutPath('plain'), load: wrong }, collection.directory)
  expect(await refusal(mixed.search('fog'))).toContain('COLLECTION_MISMATCH')
})
