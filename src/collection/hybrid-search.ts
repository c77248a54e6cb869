import { EsplanadeError } from '../errors.ts'
import { fuse } from '../fusion/fuse.ts'
import {
  DEFAULT_DEPTH,
  type FusedHit,
  type FusionList,
  type FusionPart,
  type KeyedHit,
  type KeyedList
} from '../fusion/fusion-list.ts'
import type { Stopwatch } from '../rerank/stopwatch.ts'
import type { Strategy } from '../search/strategy.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { searchDense } from './dense-search.ts'
import type { GraphWalk } from './dense-strategy.ts'
import { searchDocuments } from './document-search.ts'
import type { EntryHit } from './entry-key.ts'
import type { ViewStats } from './entry-search.ts'
import type { FusionPlan, PlanOfFirst } from './hybrid-fusion.ts'
import type { DocumentScope } from './open-segment.ts'
import type { ListName } from './search-mode.ts'
import { smallestScore } from './smallest-score.ts'
import { sparseScores } from './sparse-scores.ts'
import type { View } from './view.ts'

/**
 * The mode `'hybrid'`: each list is searched by itself, then the lists are fused. Documents go by their
 * numbers, so that the store is read for the final hits only: to read the keys of three lists of 1,000
 * takes longer than all else.
 */

/** What each list is searched for. */
export interface HybridVectors {
  readonly sparse?: SparseVector
  readonly dense?: DenseVector
  readonly bm25?: SparseVector
}

/** What is wanted of each list. */
export interface ListSelection {
  readonly scope: DocumentScope
  readonly strategy: Strategy
  /** How graphs over dense vectors are walked; undefined: they are not. */
  readonly walk: GraphWalk | undefined
  /** How sparse vectors are compared. */
  readonly metric: Metric
}

/** What the search of one list cost; where it was read further and further, its last reading. */
export interface ListStats {
  readonly list: ListName
  /** Its weight in the fusion, as given or by default. */
  readonly weight: number
  /** Documents of the list that were found: no more than it took. */
  readonly numHits: number
  /** Of the words or the terms of the query; 0 for the dense list. */
  readonly numQueryTerms: number
  readonly strategy: ViewStats['strategy'] | 'flat' | 'hnsw'
  readonly numPostings: number
  readonly numBlocks: number
  readonly numScored: number
}

/** One list, of documents by their numbers. */
export interface HybridList extends FusionList<number> {
  readonly name: ListName
  readonly weight: number
  /** The list's hits with their best passages; the one of rank r stands at r − 1. */
  readonly entries: readonly EntryHit[]
  /** No other document scores more, as far as the list is exact. */
  readonly leftBehind: number
  readonly stats: ListStats
}

/** What is wanted of the fused order. */
export interface FusedPage {
  /** Documents at most. */
  readonly k: number
  readonly minScore: number
  /** The last document of the page before. */
  readonly after: EntryHit | undefined
}

/** A document of the fused order. */
export interface FusedEntry extends EntryHit {
  /** What each list adds, in their order. */
  readonly parts: readonly FusionPart[]
}

/** What the lists of a query are made of. */
export interface ListSearch {
  readonly view: View
  readonly vectors: HybridVectors
  readonly selection: ListSelection
  /** Hears of each list and of the fusion. */
  readonly stopwatch: Stopwatch
}

/** What was found. */
export interface FusedSearch {
  readonly lists: readonly HybridList[]
  readonly hits: readonly FusedEntry[]
  /**
   * A document as it is fused, found or not, and the lists that say so. No entry where the first of each
   * list are fused and none has it.
   */
  entryOf(seq: number): FusedDocument
}

/** A document as lists have it. */
export interface FusedDocument {
  readonly lists: readonly HybridList[]
  readonly entry: FusedEntry | undefined
}

/**
 * Searches each list that has a weight in the plan.
 *
 * @param numHits - documents of each list
 */
export function searchLists(
  { view, vectors, selection, stopwatch }: ListSearch,
  { weights, depth }: FusionPlan,
  numHits: number = depth ?? DEFAULT_DEPTH
): HybridList[] {
  const missing = depth === undefined ? 'score' : 'zero'
  return Array.from(weights, ([name, weight]) => {
    const list =
      name === 'dense'
        ? denseList(view, vectors.dense!, selection, { name, weight, numHits })
        : sparseList(view, vectors[name]!, selection, { name, weight, numHits, missing })
    stopwatch.lap(name)
    return list
  })
}

/**
 * Fuses the first documents of each list: score descending, then as the first list has them.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where `after` is not in the order
 */
export function fuseFirst(
  search: ListSearch,
  plan: PlanOfFirst,
  { k, minScore, after }: FusedPage
): FusedSearch {
  const { method, depth } = plan
  const lists = searchLists(search, plan)
  const fused = fuse(lists, method, after === undefined ? { k, depth } : { depth })
  const hits = behind(fused, after)
    .slice(0, k)
    .filter(({ score }) => score >= minScore)
    .map(hit => fusedEntry(hit, lists))
  search.stopwatch.lap('fuse')
  let all: ReadonlyMap<number, FusedHit<number>> | undefined
  return {
    lists,
    hits,
    entryOf: seq => {
      all ??= new Map(fuse(lists, method, { depth }).map(hit => [hit.key, hit]))
      const hit = all.get(seq)
      return { lists, entry: hit && fusedEntry(hit, lists) }
    }
  }
}

/**
 * The documents of an order behind the last of the page before.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where that is not in it
 */
export function behind(
  fused: readonly FusedHit<number>[],
  after: EntryHit | undefined
): readonly FusedHit<number>[] {
  if (after === undefined) return fused
  const at = fused.findIndex(({ key, score }) => key === after.seq && score === after.score)
  if (at < 0) throw notInOrder()
  return fused.slice(at + 1)
}

/** A fused document with its passage: that of the list that ranks it best. */
export function fusedEntry(
  { key, score, parts }: Pick<FusedHit<number>, 'key' | 'score' | 'parts'>,
  lists: readonly HybridList[]
): FusedEntry {
  return { seq: key, score, parts, passageIndex: bestPassageOf(parts, lists) }
}

/** The passage of the list that ranks a document best, the first of these; 0 where none has it. */
function bestPassageOf(parts: readonly FusionPart[], lists: readonly HybridList[]): number {
  let best: number | undefined
  let passageIndex = 0
  for (const [at, { rank }] of parts.entries()) {
    if (rank === undefined || (best !== undefined && rank >= best)) continue
    best = rank
    passageIndex = lists[at]!.entries[rank - 1]!.passageIndex
  }
  return passageIndex
}

interface WantedList<Name extends ListName = ListName> {
  readonly name: Name
  readonly weight: number
  readonly numHits: number
}

function sparseList(
  view: View,
  vector: SparseVector,
  { scope, metric, strategy }: ListSelection,
  { name, weight, numHits, missing }: WantedList<'sparse' | 'bm25'> & Pick<HybridList, 'missing'>
): HybridList {
  const wanted = { k: numHits, scope, metric, strategy, ...ALL }
  const { hits: entries, stats } = searchDocuments(view, vector, wanted)
  // With fewer hits the others match nothing.
  const leftBehind = entries.length < numHits ? 0 : entries.at(-1)!.score
  return {
    name,
    weight,
    missing,
    ...(missing === 'score' && { missingAtMost: leftBehind }),
    leftBehind,
    list: new SparseList(entries, {
      smallest: () => smallestScore(view, vector, scope, metric),
      scoresOf: seqs => sparseScores(view, vector, seqs, metric)
    }),
    entries,
    stats: {
      list: name,
      weight,
      numHits: entries.length,
      numQueryTerms: vector.terms.length,
      ...stats
    }
  }
}

const ALL = { minScore: Number.NEGATIVE_INFINITY, searchAfter: undefined } as const

/** What a list tells of documents that it does not have, when it is asked. */
interface BeyondHits {
  smallest(): number
  scoresOf(seqs: readonly number[]): Float64Array
}

/** A list whose smallest score is looked for when a method asks for it first. */
class SparseList implements KeyedList<number> {
  readonly hits: readonly KeyedHit<number>[]
  readonly #beyond: BeyondHits
  #min: number | undefined

  constructor(entries: readonly EntryHit[], beyond: BeyondHits) {
    this.hits = rankedHits(entries)
    this.#beyond = beyond
  }

  get min(): number {
    this.#min ??= this.#beyond.smallest()
    return this.#min
  }

  get max(): number {
    return this.hits[0]?.score ?? 0
  }

  scoresOf(seqs: readonly number[]): Float64Array {
    return this.#beyond.scoresOf(seqs)
  }
}

function denseList(
  view: View,
  vector: DenseVector,
  { scope, walk }: ListSelection,
  { name, weight, numHits }: WantedList
): HybridList {
  const found = searchDense(view, vector, { k: numHits, scope, minScore: ALL.minScore, walk })
  const { hits: entries, min, max } = found
  const { strategy, numScored } = found.stats
  // With fewer hits the list has every document that has a vector.
  const leftBehind = entries.length < numHits ? min : entries.at(-1)!.score
  return {
    name,
    weight,
    missing: 'score',
    ...(strategy === 'flat' && { missingAtMost: leftBehind }),
    leftBehind,
    list: {
      hits: rankedHits(entries),
      min,
      max,
      // A document without a dense vector is as far off as the farthest.
      scoresOf: seqs => found.scoresOf(seqs).map(score => (Number.isNaN(score) ? min : score))
    },
    entries,
    stats: {
      list: name,
      weight,
      numHits: entries.length,
      numQueryTerms: 0,
      strategy,
      numPostings: 0,
      numBlocks: 0,
      numScored
    }
  }
}

function rankedHits(entries: readonly EntryHit[]): KeyedHit<number>[] {
  return entries.map(({ seq, score }, i) => ({ key: seq, score, rank: i + 1 }))
}

function notInOrder(): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: 'searchAfter',
    problem: 'no document of this key and score is in the fused order',
    expected: 'the last hit of the page before, of the same query, filter and fusion',
    remedy: 'Page through a snapshot, in which nothing changes'
  })
}
