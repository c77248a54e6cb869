import { EsplanadeError } from '../errors.ts'
import { TopK } from '../kernel/top-k.ts'

/** One result of a ranking whose documents are called by keys of any kind. */
export interface KeyedHit<Key = string> {
  readonly key: Key
  readonly score: number
  /** Position in the ranking, from 1. */
  readonly rank: number
}

/** A `RankedList` whose documents are called by keys of any kind. */
export interface KeyedList<Key = string> {
  readonly hits: readonly KeyedHit<Key>[]
  /** Smallest and largest score of all documents that pass the filter. */
  readonly min: number
  readonly max: number
  /** True scores of these documents, in the order asked for. */
  scoresOf(keys: readonly Key[]): Float64Array
}

/** One ranking that takes part in a fusion. */
export interface FusionList<Key = string> {
  /** What to call it in explanations: `sparse`, `bm25`, `dense`. */
  readonly name: string
  /** A `RankedList`, or one of keys of another kind. */
  readonly list: KeyedList<Key>
  /**
   * What a document counts for here that another list found and this one did not: `'zero'`, the score
   * 0 (sparse and BM25: it matched little or nothing), or `'score'`, its true score (dense: every
   * document has one).
   */
  readonly missing: 'zero' | 'score'
  /**
   * No document that the list lacks scores above this, and none below its `min`. Where all lists know it,
   * true scores are asked for only of documents that can be among the best k by these limits. Default: not
   * known.
   */
  readonly missingAtMost?: number
  /** Its share; what it means is the method's. Default 1; 0 leaves the list out of the score. */
  readonly weight?: number
}

/** What one list adds to a fused score. */
export interface FusionPart {
  /** The list's name. */
  readonly list: string
  /** Where it has the document, from 1; absent where it does not have it. */
  readonly rank?: number
  /** The score that was used, before normalisation; absent for a method that looks at ranks. */
  readonly score?: number
  /** What the method makes of the score, or of the rank, so that it compares with other lists. */
  readonly normalized: number
  /** What `normalized` is multiplied by: the list's weight, as the method counts it. */
  readonly factor: number
  /** What it adds: `factor · normalized`. The values of all parts sum to the fused score. */
  readonly value: number
}

/** A document of several rankings. */
export interface FusedHit<Key = string> extends KeyedHit<Key> {
  /** What each list adds, in the order of the lists. */
  readonly parts: readonly FusionPart[]
}

/** Hits of a list that take part unless another number is asked for. */
export const DEFAULT_DEPTH = 1000

/** Options that all methods have. */
export interface FusionOptions {
  /** Documents to return; default: all that a list has among its first `depth`. */
  readonly k?: number
  /** So many of each list's first hits take part; default 1,000. */
  readonly depth?: number
}

/**
 * The documents that are fused, in columns. They stand as the first list has them, then those that only
 * the second has, and so on; so of two documents the one that the first list with either ranks before
 * the other stands first.
 */
export interface Candidates<Key> {
  readonly keys: readonly Key[]
  /** By list, then candidate: its rank there, 0 where the list lacks it. */
  readonly ranks: readonly Float64Array[]
  /** By list, then candidate: its score there, 0 where the list lacks it. */
  readonly scores: readonly Float64Array[]
}

/**
 * The documents among the first `depth` hits of any list.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a list that has a document twice, a score that is
 *   no number, names that are not unique, or a weight below 0
 */
export function candidatesOf<Key>(
  lists: readonly FusionList<Key>[],
  depth: number = DEFAULT_DEPTH
): Candidates<Key> {
  checkLists(lists)
  checkCount('depth', depth)
  const most = lists.reduce((sum, { list }) => sum + Math.min(depth, list.hits.length), 0)
  const ranks = lists.map(() => new Float64Array(most))
  const scores = lists.map(() => new Float64Array(most))
  const places = new Map<Key, number>()
  const keys: Key[] = []
  for (const [at, { name, list }] of lists.entries()) {
    const [ownRanks, ownScores] = [ranks[at]!, scores[at]!]
    const numHits = Math.min(depth, list.hits.length)
    for (let n = 0; n < numHits; n++) {
      const { key, score, rank } = list.hits[n]!
      if (!Number.isFinite(score)) {
        refuse(`the list ${name}`, `${key} has the score ${score}`, 'a finite number')
      }
      let place = places.get(key)
      if (place === undefined) {
        place = keys.push(key) - 1
        places.set(key, place)
      }
      if (ownRanks[place] !== 0) refuse(`the list ${name}`, `${key} is there twice`, 'once')
      ownRanks[place] = rank
      ownScores[place] = score
    }
  }
  return { keys, ranks, scores }
}

/** How a method scores; each is asked for a list and a candidate by their places. */
export interface Scoring {
  /** What a list adds to the score of a candidate. */
  added(at: number, i: number): number
  /** The two numbers of which it is the product, but for rounding. */
  normalized(at: number, i: number): number
  factor(at: number, i: number): number
  /** The scores of each list by candidate, where the method uses them. */
  readonly scores?: readonly Float64Array[]
}

/**
 * Puts fused documents in order: score descending; documents of the same score as the first list that
 * has one of them ranks them, one that it lacks behind those that it has.
 */
export function rankFused<Key>(
  lists: readonly FusionList<Key>[],
  candidates: Candidates<Key>,
  scoring: Scoring,
  { k = Number.POSITIVE_INFINITY }: FusionOptions
): FusedHit<Key>[] {
  if (k !== Number.POSITIVE_INFINITY) checkCount('k', k)
  const numCandidates = candidates.keys.length
  if (numCandidates === 0) return []
  const best = new TopK(Math.min(k, numCandidates))
  for (let i = 0; i < numCandidates; i++) {
    let sum = 0
    for (let at = 0; at < lists.length; at++) sum += scoring.added(at, i)
    best.offer(i, sum)
  }
  const { ids, scores } = best.drain()
  return Array.from(ids, (i, n) => ({
    key: candidates.keys[i]!,
    score: scores[n]!,
    rank: n + 1,
    parts: lists.map(({ name }, at) => partOf(name, at, i, candidates, scoring))
  }))
}

function partOf<Key>(
  list: string,
  at: number,
  i: number,
  { ranks }: Candidates<Key>,
  scoring: Scoring
): FusionPart {
  const rank = ranks[at]![i]!
  const score = scoring.scores?.[at]?.[i]
  return {
    list,
    ...(rank > 0 && { rank }),
    ...(score !== undefined && { score }),
    normalized: scoring.normalized(at, i),
    factor: scoring.factor(at, i),
    value: scoring.added(at, i)
  }
}

/** The scores that candidates count for in a list: those of its hits, or what it says of the missing. */
export function scoresIn<Key>(
  { list, missing }: FusionList<Key>,
  at: number,
  { keys, ranks, scores }: Candidates<Key>
): Float64Array {
  const all = scores[at]!.slice()
  if (missing === 'score') {
    const asked = Uint32Array.from(keys.keys()).filter(i => ranks[at]![i] === 0)
    fillScores(list, keys, asked, all)
  }
  return all
}

/** Puts the true scores of some candidates in their places. */
export function fillScores<Key>(
  list: KeyedList<Key>,
  keys: readonly Key[],
  places: Uint32Array,
  scores: Float64Array
): void {
  if (places.length === 0) return
  const found = list.scoresOf(Array.from(places, i => keys[i]!))
  for (let n = 0; n < places.length; n++) scores[places[n]!] = found[n]!
}

/** Shares of the lists that sum to 1. */
export function sharesOf(lists: readonly { readonly weight?: number }[]): number[] {
  const weights = lists.map(({ weight = 1 }) => weight)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (sum === 0) refuse('weight', 'all weights are 0', 'one above 0')
  return weights.map(weight => weight / sum)
}

function checkLists<Key>(lists: readonly FusionList<Key>[]): void {
  const names = new Set<string>()
  for (const { name, weight = 1 } of lists) {
    if (names.has(name)) refuse('lists', `two lists have the name ${name}`, 'a name for each')
    names.add(name)
    if (!(weight >= 0 && Number.isFinite(weight))) {
      refuse(`the weight of ${name}`, `${weight} is no weight`, 'a number from 0')
    }
  }
}

/** @throws EsplanadeError `INVALID_ARGUMENT` unless it is a whole number from 1 */
export function checkCount(place: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    refuse(place, `${value} is no count`, 'a whole number from 1')
  }
}

function refuse(place: string, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
