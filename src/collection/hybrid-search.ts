import { EsplanadeError } from '../errors.ts'
import { fuse } from '../fusion/fuse.ts'
import type { FusionList, FusionPart, KeyedHit, KeyedList } from '../fusion/fusion-list.ts'
import { Stopwatch } from '../rerank/stopwatch.ts'
import type { Strategy } from '../search/strategy.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { searchDense } from './dense-search.ts'
import type { GraphWalk } from './dense-strategy.ts'
import { bestPassage, searchDocuments } from './document-search.ts'
import type { EntryHit } from './entry-key.ts'
import type { ViewStats } from './entry-search.ts'
import type { FusionPlan } from './hybrid-fusion.ts'
import type { DocumentScope } from './open-segment.ts'
import type { ListName } from './search-mode.ts'
import { smallestScore } from './smallest-score.ts'
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

/** What the search of one list cost. */
export interface ListStats {
  readonly list: ListName
  /** Its weight in the fusion, as given or by default. */
  readonly weight: number
  /** Documents of the list that were looked for; of the dense list no more than it took. */
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
  readonly stats: ListStats
}

/** A document of the fused order. */
export interface FusedEntry extends EntryHit {
  /** What each list adds, in their order. */
  readonly parts: readonly FusionPart[]
}

/**
 * Searches each list that has a weight in the plan.
 *
 * @param denseDepth - documents of the dense list
 */
export function searchLists(
  view: View,
  vectors: HybridVectors,
  selection: ListSelection,
  { weights, depth }: FusionPlan,
  stopwatch: Stopwatch = new Stopwatch(),
  denseDepth: number = depth
): HybridList[] {
  return Array.from(weights, ([name, weight]) => {
    const list =
      name === 'dense'
        ? denseList(view, vectors.dense!, selection, { name, weight, depth: denseDepth })
        : sparseList(view, vectors[name]!, selection, { name, weight, depth })
    stopwatch.lap(name)
    return list
  })
}

/**
 * The best documents by the fused score: score descending, then as the first list has them. The passage
 * of each is the one of the list that ranks it best.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where `after` is not in the order
 */
export function fuseLists(
  lists: readonly HybridList[],
  { method, depth }: FusionPlan,
  {
    k,
    minScore,
    after
  }: { readonly k: number; readonly minScore: number; readonly after: EntryHit | undefined }
): FusedEntry[] {
  const fused = fuse(lists, method, after === undefined ? { k, depth } : { depth })
  let first = 0
  if (after !== undefined) {
    first = 1 + fused.findIndex(({ key, score }) => key === after.seq && score === after.score)
    if (first === 0) throw notThere()
  }
  return fused
    .slice(first, first + k)
    .filter(({ score }) => score >= minScore)
    .map(({ key, score, parts }) => ({
      seq: key,
      score,
      parts,
      passageIndex: bestPassageOf(parts, lists)
    }))
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
  readonly depth: number
}

function sparseList(
  view: View,
  vector: SparseVector,
  { scope, metric, strategy }: ListSelection,
  { name, weight, depth }: WantedList
): HybridList {
  const wanted = { k: depth, scope, metric, strategy, ...ALL }
  const { hits: entries, stats } = searchDocuments(view, vector, wanted)
  return {
    name,
    weight,
    missing: 'zero',
    list: new SparseList(entries, {
      smallest: () => smallestScore(view, vector, scope, metric),
      scoreOf: seq => bestPassage(view, vector, seq, metric).score
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
  scoreOf(seq: number): number
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
    return Float64Array.from(seqs, seq => this.#beyond.scoreOf(seq))
  }
}

function denseList(
  view: View,
  vector: DenseVector,
  { scope, walk }: ListSelection,
  { name, weight, depth }: WantedList
): HybridList {
  const found = searchDense(view, vector, { k: depth, scope, minScore: ALL.minScore, walk })
  const { hits: entries, min, max } = found
  const { strategy, numScored } = found.stats
  // With fewer hits the list has every document that has a vector.
  const missingAtMost = entries.length < depth ? min : entries.at(-1)!.score
  return {
    name,
    weight,
    missing: 'score',
    ...(strategy === 'flat' && { missingAtMost }),
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

function notThere(): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: 'searchAfter',
    problem: 'no document of this key and score is in the fused order',
    expected: 'the last hit of the page before, of the same query, filter and fusion',
    remedy: 'Page through a snapshot, in which nothing changes'
  })
}
