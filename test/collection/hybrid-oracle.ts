import type { Collection } from '../../src/collection/collection.ts'
import type { HybridFusion } from '../../src/collection/hybrid-fusion.ts'
import type { ListName } from '../../src/collection/search-mode.ts'
import type { CollectionHit } from '../../src/collection/search-request.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { fuse } from '../../src/fusion/fuse.ts'
import type { FusedHit, FusionList } from '../../src/fusion/fusion-list.ts'
import { type DenseMetric, denseScore } from '../../src/vector/dense-vector.ts'
import type { Explanation } from '../../src/vector/explanation.ts'
import { dotProduct } from '../../src/vector/similarity.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { randomNumbers } from './kill/random.mjs'

/**
 * The mode `hybrid` from its definition: each list made of all documents, one by one, and then the
 * library's `fuse`.
 */

export const DIMENSIONS = 3

const WORDS = ['fog', 'tide', 'rope', 'bird', 'horn', 'moon', 'salt', 'boat']

/** Draws documents and queries of few terms and few weights, so that much ties. */
export class Drawing {
  readonly next: () => number

  constructor(seed: number) {
    this.next = randomNumbers(seed)
  }

  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  text(numWords: number): string {
    return Array.from({ length: numWords }, () => WORDS[this.below(WORDS.length)]).join(' ')
  }

  /** @param isUneven - weights of which no two are the same, for documents that do not tie */
  sparse(isUneven = false): SparseVector {
    const terms = Array.from({ length: 6 }, (_, i) => i + 1).filter(() => this.next() < 0.4)
    return sparseVector(
      terms,
      terms.map(() => (isUneven ? 0.1 + this.next() : (1 + this.below(4)) / 2))
    )
  }

  dense(): Float32Array {
    // Never all zeros: the last is 1 at least.
    return Float32Array.from({ length: DIMENSIONS }, (_, i) =>
      i === DIMENSIONS - 1 ? 1 + this.below(2) : this.below(5) - 2
    )
  }

  document(key: string): UpsertDocument {
    const text = this.text(1 + this.below(8))
    const common = { key, text, metadata: { n: this.below(4) } }
    if (this.next() < 0.6) {
      const dense = this.next() < 0.7 ? { dense: this.dense() } : {}
      return { ...common, vector: this.sparse(), ...dense }
    }
    const middle = text.indexOf(' ') + 1
    const spans = [
      [0, middle],
      [middle, text.length]
    ] as const
    return {
      ...common,
      passages: spans.map(([start, end]) => ({
        start,
        end,
        vector: this.sparse(),
        ...(this.next() < 0.7 && { dense: this.dense() })
      }))
    }
  }
}

export interface OracleQuery {
  readonly text: string
  readonly sparse: SparseVector
  readonly dense: Float32Array
}

/** Scores of the passages of a document, by list; undefined for one without a vector. */
type PassageScores = Record<ListName, readonly (number | undefined)[]>

/**
 * The lists of a collection over the documents that pass a test, in the order in which they were
 * written.
 *
 * @param given - what each document was written with
 */
export async function listsByDefinition(
  collection: Collection,
  given: ReadonlyMap<string, UpsertDocument>,
  query: OracleQuery,
  metric: DenseMetric,
  passes: (metadata: { readonly n: number }) => boolean
): Promise<Record<ListName, FusionList> & { readonly written: readonly string[] }> {
  const words = await collection.queryVector(query.text, { mode: 'bm25' })
  const scores = new Map<string, PassageScores>()
  await using snapshot = await collection.snapshot()
  for await (const document of snapshot.documents({ includeVectors: true })) {
    const { key, vectors, lexicalVectors, metadata } = document
    if (!passes(metadata as { readonly n: number })) continue
    const { passages, dense } = given.get(key)!
    const denseOf = passages === undefined ? [dense] : passages.map(one => one.dense)
    scores.set(key, {
      sparse: vectors!.map(vector => dotProduct(query.sparse, vector)),
      bm25: lexicalVectors!.map(vector => dotProduct(words, vector)),
      dense: denseOf.map(
        vector => vector && denseScore(query.dense, vector as Float32Array, metric)
      )
    })
  }
  return {
    sparse: termList('sparse', scores),
    bm25: termList('bm25', scores),
    dense: denseList(scores),
    written: [...scores.keys()]
  }
}

function bestOf(passages: readonly (number | undefined)[]): number {
  return Math.max(...passages.map(score => score ?? Number.NEGATIVE_INFINITY))
}

function ranked(scores: readonly (readonly [string, number])[]) {
  return [...scores]
    .sort(([, a], [, b]) => b - a)
    .map(([key, score], i) => ({ key, score, rank: i + 1 }))
}

function termList(name: 'sparse' | 'bm25', scores: ReadonlyMap<string, PassageScores>): FusionList {
  const all = Array.from(scores, ([key, passages]) => [key, bestOf(passages[name])] as const)
  const values = all.map(([, score]) => score)
  const list = {
    hits: ranked(all.filter(([, score]) => score > 0)),
    min: all.length === 0 ? 0 : Math.min(...values),
    max: Math.max(0, ...values),
    scoresOf: () => new Float64Array()
  }
  return { name, list, missing: 'zero' }
}

function denseList(scores: ReadonlyMap<string, PassageScores>): FusionList {
  const ofPassages = [...scores.values()].flatMap(({ dense }) =>
    dense.filter(score => score !== undefined)
  )
  const has = Array.from(scores, ([key, { dense }]) => [key, bestOf(dense)] as const).filter(
    ([, score]) => score !== Number.NEGATIVE_INFINITY
  )
  const min = ofPassages.length === 0 ? 0 : Math.min(...ofPassages)
  const byKey = new Map(has)
  const list = {
    hits: ranked(has),
    min,
    max: ofPassages.length === 0 ? 0 : Math.max(...ofPassages),
    scoresOf: (keys: readonly string[]) => Float64Array.from(keys, key => byKey.get(key) ?? min)
  }
  return { name: 'dense', list, missing: 'score' }
}

/**
 * The fused order of all lists that are named, with these weights. Where all documents take part, equal
 * scores stand as the documents were written.
 *
 * @param written - the keys, in the order in which they were written
 */
export function fuseByDefinition(
  lists: Record<ListName, FusionList>,
  {
    weights,
    depth,
    ...method
  }: HybridFusion & { readonly weights: Partial<Record<ListName, number>> },
  written: readonly string[]
): FusedHit[] {
  const fused = (['sparse', 'dense', 'bm25'] as const)
    .filter(name => weights[name] !== undefined)
    .map(name => ({ ...lists[name], weight: weights[name]! }))
  const { normalization = 'min-max' } = method.method === 'convex' ? method : {}
  const isWhole = method.method === 'convex' && ['min-max', 'none'].includes(normalization)
  if (depth !== undefined || !isWhole) {
    return fuse(fused, method, depth === undefined ? {} : { depth })
  }
  const place = new Map(written.map((key, i) => [key, i]))
  return fuse(fused, method, { depth: Number.MAX_SAFE_INTEGER })
    .sort((a, b) => b.score - a.score || place.get(a.key)! - place.get(b.key)!)
    .map((hit, i) => ({ ...hit, rank: i + 1 }))
}

/** What a hit is compared by. */
export function shown(hits: readonly Pick<CollectionHit, 'key' | 'score' | 'rank'>[]) {
  return hits.map(({ key, score, rank }) => ({ key, score, rank }))
}

/** The values of the leaves of a tree. */
export function leavesOf({ value, details }: Explanation): number[] {
  return details.length === 0 ? [value] : details.flatMap(leavesOf)
}
