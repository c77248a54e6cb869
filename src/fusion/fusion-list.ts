import { EsplanadeError } from '../errors.ts'
import type { Hit, RankedList } from '../vector/hit.ts'

/** One ranking that takes part in a fusion. */
export interface FusionList {
  /** What to call it in explanations: `sparse`, `bm25`, `dense`. */
  readonly name: string
  readonly list: RankedList
  /**
   * What a document counts for here that another list found and this one did not: `'zero'`, the score
   * 0 (sparse and BM25: it matched little or nothing), or `'score'`, its true score (dense: every
   * document has one).
   */
  readonly missing: 'zero' | 'score'
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
  /** What it adds; the values of all parts sum to the fused score. */
  readonly value: number
}

/** A document of several rankings. */
export interface FusedHit extends Hit {
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

/** Where each list has a document: its hit, or undefined. */
export interface Candidate {
  readonly key: string
  readonly hits: readonly (Hit | undefined)[]
}

/**
 * The documents among the first `depth` hits of any list.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a list that has a document twice, a score that is
 *   no number, names that are not unique, or a weight below 0
 */
export function candidatesOf(
  lists: readonly FusionList[],
  depth: number = DEFAULT_DEPTH
): Candidate[] {
  checkLists(lists)
  checkCount('depth', depth)
  const found = new Map<string, (Hit | undefined)[]>()
  for (const [at, { name, list }] of lists.entries()) {
    for (const hit of list.hits.slice(0, depth)) {
      if (!Number.isFinite(hit.score)) {
        refuse(`the list ${name}`, `${hit.key} has the score ${hit.score}`, 'a finite number')
      }
      let hits = found.get(hit.key)
      if (hits === undefined) {
        hits = new Array(lists.length).fill(undefined)
        found.set(hit.key, hits)
      }
      if (hits[at] !== undefined) refuse(`the list ${name}`, `${hit.key} is there twice`, 'once')
      hits[at] = hit
    }
  }
  return Array.from(found, ([key, hits]) => ({ key, hits }))
}

/**
 * Puts fused documents in order: score descending; documents of the same score as the first list that
 * has one of them ranks them, one that it lacks behind those that it has.
 *
 * @param addedBy - what the list at a place adds to the candidate at a place
 * @param scores - the scores of each list by candidate, where the method uses them
 */
export function rankFused(
  lists: readonly FusionList[],
  candidates: readonly Candidate[],
  addedBy: (listAt: number, candidateAt: number) => number,
  { k = Number.POSITIVE_INFINITY }: FusionOptions,
  scores?: readonly Float64Array[]
): FusedHit[] {
  if (k !== Number.POSITIVE_INFINITY) checkCount('k', k)
  const fused = Float64Array.from(candidates, (_, i) => {
    let sum = 0
    for (let at = 0; at < lists.length; at++) sum += addedBy(at, i)
    return sum
  })
  const order = [...candidates.keys()].sort(
    (a, b) => fused[b]! - fused[a]! || compareRanks(candidates[a]!, candidates[b]!)
  )
  return order.slice(0, k).map((i, position) => {
    const { key, hits } = candidates[i]!
    const parts = lists.map(({ name }, at) => {
      const rank = hits[at]?.rank
      const score = scores?.[at]?.[i]
      return {
        list: name,
        ...(rank !== undefined && { rank }),
        ...(score !== undefined && { score }),
        value: addedBy(at, i)
      }
    })
    return { key, score: fused[i]!, rank: position + 1, parts }
  })
}

function compareRanks(a: Candidate, b: Candidate): number {
  for (const [at, hit] of a.hits.entries()) {
    const other = b.hits[at]
    if (hit === undefined && other === undefined) continue
    return (hit?.rank ?? Number.POSITIVE_INFINITY) - (other?.rank ?? Number.POSITIVE_INFINITY)
  }
  return 0
}

/** The score that a document counts for in a list: its hit's, or what the list says of the missing. */
export function scoresIn(
  { list, missing }: FusionList,
  at: number,
  candidates: readonly Candidate[]
): Float64Array {
  const scores = Float64Array.from(candidates, ({ hits }) => hits[at]?.score ?? 0)
  if (missing === 'zero') return scores
  const absent = [...candidates.keys()].filter(i => candidates[i]!.hits[at] === undefined)
  const found = list.scoresOf(absent.map(i => candidates[i]!.key))
  for (const [i, index] of absent.entries()) scores[index] = found[i]!
  return scores
}

/** Shares of the lists that sum to 1. */
export function sharesOf(lists: readonly FusionList[]): number[] {
  const weights = lists.map(({ weight = 1 }) => weight)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (sum === 0) refuse('weight', 'all weights are 0', 'one above 0')
  return weights.map(weight => weight / sum)
}

function checkLists(lists: readonly FusionList[]): void {
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
