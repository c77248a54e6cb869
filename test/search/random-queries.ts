import { inspect } from 'node:util'
import type { DocumentSet } from '../../src/search/document-set.ts'
import type { SearchOptions } from '../../src/search/search-options.ts'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import type { Hit } from '../../src/vector/hit.ts'
import { type Metric, similarity } from '../../src/vector/similarity.ts'
import { type SparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { type Collection, type Random, WEIGHTS } from './random-collections.ts'

/** A kernel takes 500 terms. */
const QUERY_TERMS = [0, 1, 1, 2, 3, 5, 8, 16, 30, 60, 120, 520]

/** A query: terms of one document, or of any; some that the index lacks. */
export function randomQuery(
  { vectors, lexicon, unknown }: Collection,
  random: Random
): SparseVector {
  const numTerms = random.pick(QUERY_TERMS)
  const isOfDocument = random.chance(0.4)
  const source = isOfDocument ? random.pick(vectors).terms : lexicon
  // Few different terms stand for the popular ones, too.
  const pool = isOfDocument || random.chance(0.5) ? [...source] : popular(vectors, random)
  const terms = new Set<number>()
  for (let i = 0; i < numTerms && pool.length > 0; i++) terms.add(random.pick(pool))
  if (random.chance(0.25)) for (const term of unknown) terms.add(term)
  const weightOf = WEIGHTS[random.pick(Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[])](random)
  return sparseVectorFromEntries([...terms].map(term => [term, weightOf()] as const))
}

/** Terms as often as documents hold them. */
function popular(vectors: readonly SparseVector[], random: Random): number[] {
  return Array.from({ length: 30 }, () => random.pick(vectors)).flatMap(({ terms }) => [...terms])
}

/** Every document that matches a query: by comparing it with one after the other. */
export interface FullRanking {
  /** Score descending, then place ascending. */
  readonly places: readonly number[]
  /** `scoreOf[place]`, 0 where nothing matches. */
  readonly scoreOf: Float64Array
}

/** What the definition of a score says, independent of how the index is searched. */
export function fullRanking(
  stored: readonly SparseVector[],
  query: SparseVector,
  metric: Metric
): FullRanking {
  const scoreOf = Float64Array.from(stored, vector => similarity(query, vector, metric))
  const places = [...scoreOf.keys()].filter(place => scoreOf[place]! > 0)
  places.sort((a, b) => scoreOf[b]! - scoreOf[a]! || a - b)
  return { places, scoreOf }
}

/** The hits that a search must give. */
export function expectedHits(
  { places, scoreOf }: FullRanking,
  { k = 10, filter, liveDocs, minScore = 0, searchAfter }: SearchOptions
): Hit[] {
  const after = searchAfter && { score: searchAfter.score, place: placeOf(searchAfter) }
  const hits: Hit[] = []
  for (const place of places) {
    const score = scoreOf[place]!
    if (score < minScore || hits.length === k) break
    if (filter?.has(place) === false || liveDocs?.has(place) === false) continue
    if (after && (score > after.score || (score === after.score && place <= after.place))) continue
    hits.push({ key: `d${place}`, score, rank: (searchAfter?.rank ?? 0) + hits.length + 1 })
  }
  return hits
}

function placeOf({ key }: Hit): number {
  return Number(key.slice(1))
}

/** Sets of documents of an index, each used by many searches. */
export interface DocumentSets {
  readonly filters: readonly (DocumentSet | undefined)[]
  readonly liveDocs: readonly (DocumentSet | undefined)[]
}

export function documentSets(index: SparseIndex, random: Random): DocumentSets {
  const some = (share: number) => index.documentSet(() => random.chance(share))
  const one = () => index.documentSet([`d${random.below(index.size)}`])
  const none = undefined
  return {
    filters: [none, none, none, one(), one(), some(0.005), some(0.5), some(0.5), some(1), some(0)],
    liveDocs: [none, none, none, some(0.9), some(0.97)]
  }
}

/** Options of a search: a share of them continues after some hit. */
export function randomOptions(
  index: SparseIndex,
  ranking: FullRanking,
  { filters, liveDocs }: DocumentSets,
  random: Random
): SearchOptions {
  const { size } = index
  const k = random.pick([1, 1, 2, 10, 10, 10, 63, 64, 65, 100, 100, 1000, size, size + 1, 10_000])
  return {
    k,
    filter: random.pick(filters),
    liveDocs: random.pick(liveDocs),
    minScore: randomMinScore(ranking, random),
    searchAfter: random.chance(0.3) ? randomStart(index, ranking, random) : undefined
  }
}

function randomMinScore(ranking: FullRanking, random: Random): number | undefined {
  if (random.chance(0.5)) return undefined
  const score = randomHit(ranking, random)?.score ?? 1
  return random.pick([score, score, nextAbove(score), -score, 2 * score, Number.POSITIVE_INFINITY])
}

/** Where a page begins: after a hit, or after what only looks like one. */
function randomStart(index: SparseIndex, ranking: FullRanking, random: Random): Hit | undefined {
  const hit = randomHit(ranking, random)
  if (hit === undefined || random.chance(0.8)) return hit
  const score = random.pick([hit.score, nextAbove(hit.score), 0, -1, 1e300])
  return { key: `d${random.below(index.size)}`, score, rank: 7 }
}

function randomHit({ places, scoreOf }: FullRanking, random: Random): Hit | undefined {
  if (places.length === 0) return undefined
  // One of the first, more often than not.
  const at = random.below(random.chance(0.7) ? Math.min(20, places.length) : places.length)
  return { key: `d${places[at]}`, score: scoreOf[places[at]!]!, rank: at + 1 }
}

/** The smallest number above a positive one. */
function nextAbove(score: number): number {
  const bits = new BigUint64Array(Float64Array.of(score).buffer)
  bits[0]! += 1n
  return new Float64Array(bits.buffer)[0]!
}

/** Says how hits differ from the expected ones: keys, ranks, and scores bit for bit. */
export function difference(hits: readonly Hit[], expected: readonly Hit[]): string | undefined {
  const length = Math.max(hits.length, expected.length)
  for (let i = 0; i < length; i++) {
    const hit = hits[i]
    const wanted = expected[i]
    const isSame =
      hit?.key === wanted?.key && hit?.rank === wanted?.rank && hit?.score === wanted?.score
    if (isSame) continue
    return `hit ${i + 1} is ${JSON.stringify(hit)} instead of ${JSON.stringify(wanted)}`
  }
  return undefined
}

/** Options in words, for a failure's message. */
export function shown({ filter, liveDocs, ...options }: SearchOptions): string {
  return inspect({ ...options, filter: filter?.size, liveDocs: liveDocs?.size })
}

/** The strategies that must give the same hits under these options. */
export function exactStrategies({ filter, liveDocs }: SearchOptions) {
  const isFiltered = filter !== undefined || liveDocs !== undefined
  return isFiltered ? [...EXACT, 'document-at-a-time' as const] : EXACT
}

const EXACT = ['exhaustive', 'auto', 'windowed', 'max-score', 'block-max'] as const
