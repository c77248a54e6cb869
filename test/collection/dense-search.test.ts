import { afterEach, describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { CollectionState } from '../../src/collection/collection-state.ts'
import { searchDense } from '../../src/collection/dense-search.ts'
import type { EntryHit } from '../../src/collection/entry-key.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import type { View } from '../../src/collection/view.ts'
import { parseFilter } from '../../src/filter/parse-filter.ts'
import { generationPaths } from '../../src/node/collection-files.ts'
import { GenerationStorage } from '../../src/node/generation-storage.ts'
import { LmdbStore } from '../../src/node/lmdb-store.ts'
import { type DenseMetric, denseScore } from '../../src/vector/dense-vector.ts'
import { NO_TERMS } from '../../src/vector/sparse-vector.ts'
import { randomNumbers } from './kill/random.mjs'
import { openSmall } from './small-collection.ts'

/** `DENSE_SEED=7` repeats a failure, which names its seed; `DENSE_STEPS=500` takes longer. */
const SEED = Number(process.env.DENSE_SEED ?? Math.floor(Math.random() * 2 ** 24))
const STEPS = Number(process.env.DENSE_STEPS ?? 40)
const DIMENSIONS = 5

/** A document of the oracle: one vector a passage, undefined for a passage without. */
interface Written {
  readonly key: string
  readonly namespace: string
  readonly metadata: { readonly n: number }
  readonly vectors: readonly (Float32Array | undefined)[]
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** The collection as another process sees it: a view of its own, which follows the writer. */
async function readerOf({ directory, settings }: Collection): Promise<() => Promise<View>> {
  const paths = generationPaths(directory, 'g1')
  const store = await LmdbStore.open(paths.store, { readOnly: true })
  const storage = new GenerationStorage(paths, settings)
  let state = await CollectionState.load(store, storage, settings.dense)
  closing.push(async () => {
    state.close()
    await storage.close()
    await store.close()
  })
  return async () => {
    if (storage.hasNewManifest() || !state.follow()) {
      const known = state.view.segments.map(({ segment }) => segment)
      const next = await CollectionState.load(store, storage, settings.dense, known)
      state.close()
      state = next
    }
    return state.view
  }
}

interface Wanted {
  readonly namespace: string
  readonly from: number
  readonly k: number
  readonly minScore: number
}

/** Every document in the scope by its best passage, from the definition of a score. */
function expectedOf(
  documents: readonly Written[],
  query: Float32Array,
  metric: DenseMetric,
  { namespace, from, minScore }: Wanted
) {
  const inScope = documents.filter(one => one.namespace === namespace && one.metadata.n >= from)
  const all = inScope.flatMap(({ vectors }) =>
    vectors.flatMap(vector => (vector ? [denseScore(vector, query, metric)] : []))
  )
  const hits = inScope.flatMap(({ key, vectors }) => {
    const scores = vectors.map(vector =>
      vector ? denseScore(vector, query, metric) : Number.NEGATIVE_INFINITY
    )
    const score = Math.max(...scores)
    const passageIndex = scores.indexOf(score)
    return score >= minScore && score > Number.NEGATIVE_INFINITY
      ? [{ key, passageIndex, score }]
      : []
  })
  return {
    hits: hits.sort((a, b) => b.score - a.score),
    min: all.length === 0 ? 0 : Math.min(...all),
    max: all.length === 0 ? 0 : Math.max(...all),
    numScanned: all.length
  }
}

const random = randomNumbers(SEED)
const upTo = (count: number): number => Math.floor(random() * count)

/** Small whole numbers, so that many scores are equal; never all 0. */
function randomVector(): Float32Array {
  const vector = Float32Array.from({ length: DIMENSIONS }, () => upTo(5) - 2)
  if (vector.every(value => value === 0)) vector[upTo(DIMENSIONS)] = 1
  return vector
}

function randomDocument(): Written & UpsertDocument {
  const common = {
    key: `k${upTo(40)}`,
    namespace: upTo(4) === 0 ? 'tenant' : '',
    metadata: { n: upTo(10) }
  }
  const kind = upTo(5)
  if (kind === 0) return { ...common, vector: NO_TERMS, vectors: [undefined] }
  if (kind < 3) {
    const dense = randomVector()
    return { ...common, vector: NO_TERMS, dense, vectors: [dense] }
  }
  const vectors = Array.from({ length: 1 + upTo(4) }, () =>
    upTo(4) === 0 ? undefined : randomVector()
  )
  const passages = vectors.map((dense, i) => ({
    start: i,
    end: i + 1,
    vector: NO_TERMS,
    ...(dense && { dense })
  }))
  return { ...common, text: 'passages', passages, vectors }
}

function compare(
  view: View,
  documents: readonly Written[],
  metric: DenseMetric,
  wanted: Wanted
): void {
  const query = randomVector()
  const { namespace, from, k, minScore } = wanted
  const filter = from === 0 ? undefined : parseFilter({ n: { $gte: from } })
  const scope = { namespace, filter }
  const expected = expectedOf(documents, query, metric, wanted)
  const keyed = (hits: readonly EntryHit[]) =>
    hits.map(({ seq, ...hit }) => ({ key: view.store.document(seq)!.key, ...hit }))
  const found = searchDense(view, query, { k, scope, minScore })
  expect(keyed(found.hits)).toEqual(expected.hits.slice(0, k))
  expect([found.min, found.max]).toEqual([expected.min, expected.max])
  expect(found.stats.numScanned).toBe(expected.numScanned)
  const pages: EntryHit[] = [...found.hits]
  for (let after = found.hits.at(-1); after !== undefined; ) {
    const page = searchDense(view, query, { k, scope, minScore, after })
    expect([page.min, page.max]).toEqual([expected.min, expected.max])
    pages.push(...page.hits)
    after = page.hits.at(-1)
  }
  expect(keyed(pages)).toEqual(expected.hits)
  const seqs = documents.map(one => view.store.seqOf(one.namespace, one.key)!)
  const scores = documents.map(({ vectors }) => {
    const own = vectors.flatMap(vector => (vector ? [denseScore(vector, query, metric)] : []))
    return own.length === 0 ? Number.NaN : Math.max(...own)
  })
  expect([...found.scoresOf(seqs.toReversed())]).toEqual(scores.toReversed())
}

/** What the process that writes finds itself, while segments are made and merged. */
async function compareOwn(
  collection: Collection,
  documents: readonly Written[],
  metric: DenseMetric,
  wanted: Wanted
): Promise<void> {
  const dense = randomVector()
  const { namespace, from, k, minScore } = wanted
  const filter = from === 0 ? undefined : { n: { $gte: from } }
  const options = { mode: 'dense', namespace, k, minScore, ...(filter && { filter }) } as const
  const { hits } = await collection.search({ dense }, options)
  const expected = expectedOf(documents, dense, metric, wanted).hits.slice(0, k)
  expect(hits.map(({ key, score }) => [key, score])).toEqual(
    expected.map(({ key, score }) => [key, score])
  )
}

describe('a dense search of a collection is the exhaustive one', () => {
  for (const metric of ['cosine', 'dot', 'euclidean'] as const) {
    it(`${metric}: over memory and segments, what was replaced and deleted, filters and pages`, {
      timeout: 60_000
    }, async () => {
      const flushLimits = { maxEntries: 60, maxPostings: 1e6 }
      const dense = { dimensions: DIMENSIONS, metric }
      const collection = await openSmall({ dense, flushLimits, durability: 'group' })
      const view = await readerOf(collection)
      let documents: Written[] = []
      for (let step = 0; step < STEPS; step++) {
        const kind = upTo(10)
        if (kind < 6) {
          const drawn = Array.from({ length: 1 + upTo(8) }, randomDocument)
          const batch = [
            ...new Map(drawn.map(one => [`${one.namespace} ${one.key}`, one])).values()
          ]
          await collection.upsert(batch)
          const isNew = (old: Written) =>
            batch.every(one => one.key !== old.key || one.namespace !== old.namespace)
          documents = [...documents.filter(isNew), ...batch]
        } else if (kind < 8) {
          const keys = [`k${upTo(40)}`, `k${upTo(40)}`, `k${upTo(40)}`]
          await collection.delete(keys)
          documents = documents.filter(one => one.namespace !== '' || !keys.includes(one.key))
        } else if (kind === 8) await collection.flush()
        else await collection.compact()
        const wanted = {
          namespace: upTo(4) === 0 ? 'tenant' : '',
          from: Math.max(0, upTo(12) - 3),
          k: 1 + upTo(12),
          minScore: upTo(3) === 0 ? upTo(3) - 1 : Number.NEGATIVE_INFINITY
        }
        try {
          compare(await view(), documents, metric, wanted)
          await compareOwn(collection, documents, metric, wanted)
        } catch (error) {
          throw new Error(`DENSE_SEED=${SEED}, step ${step}: ${JSON.stringify(wanted)}`, {
            cause: error
          })
        }
      }
      // All of it once more, from a collection that was opened anew.
      await collection.flush()
      await collection.close()
      const again = await openSmall({ durability: 'group' }, collection.directory)
      expect(again.settings.dense).toEqual({ dimensions: DIMENSIONS, metric })
      const reopened = await readerOf(again)
      const all = { from: 0, k: 100, minScore: Number.NEGATIVE_INFINITY }
      for (const namespace of ['', 'tenant', 'nobody']) {
        compare(await reopened(), documents, metric, { ...all, namespace })
      }
    })
  }
})
