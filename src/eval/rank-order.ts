import { EsplanadeError } from '../errors.ts'
import { excerpt } from './lines.ts'
import type { RunHit } from './run.ts'

/**
 * In which order the hits of a query are judged.
 * - `float32`: score descending, compared in 32 bits, ties by key descending: trec_eval up to 9.0,
 *   pytrec_eval and ir-measures, hence nearly all published figures
 * - `float64`: the same with scores compared in 64 bits, as trec_eval 10 does
 * - `given`: as the hits stand. For a ranking that is known to be in its system's own order, where
 *   rounded scores tie: figures published from within a system are often of this kind
 */
export type RankOrder = 'float32' | 'float64' | 'given'

/**
 * The keys of a query's hits in the order in which they are judged.
 *
 * @throws EsplanadeError `RUN_INVALID` when a document stands twice or a score is not finite
 */
export function rankKeys(queryId: string, hits: readonly RunHit[], order: RankOrder): string[] {
  check(queryId, hits)
  const ranked = hits.map(({ key, score }) => ({
    key,
    score: order === 'float32' ? Math.fround(score) : score
  }))
  if (order !== 'given') {
    ranked.sort((a, b) =>
      a.score === b.score ? compareUtf8(b.key, a.key) : a.score < b.score ? 1 : -1
    )
  }
  return ranked.map(({ key }) => key)
}

function check(queryId: string, hits: readonly RunHit[]): void {
  const keys = new Set<string>()
  for (const { key, score } of hits) {
    const problem = keys.has(key)
      ? `document ${excerpt(key)} stands twice`
      : Number.isFinite(score)
        ? undefined
        : `the score of document ${excerpt(key)} is ${score}`
    keys.add(key)
    if (problem === undefined) continue
    throw new EsplanadeError('RUN_INVALID', {
      place: `query ${excerpt(queryId)}`,
      problem,
      expected: 'each document once, with a finite number as its score',
      remedy: 'Write the run again; nothing was judged'
    })
  }
}

/**
 * Compares two strings by the bytes of their UTF-8 form, as C's `strcmp` does: negative, 0 or
 * positive. JavaScript compares UTF-16 units, which differs where a surrogate pair (above U+FFFF)
 * meets a unit from U+E000 on.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = codePointRank(a.charCodeAt(i)) - codePointRank(b.charCodeAt(i))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Moves the surrogates behind all other units, where the code points they stand for belong. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
