/**
 * Cross-validation: what was learned on some queries is measured on others. All queries are dealt into
 * k folds; each fold is measured with what was learned on the others, so every query is measured
 * once, by something that has not seen it.
 *
 * Stone, Cross-validatory choice and assessment of statistical predictions, JRSS B 36(2), 1974.
 */
import { EsplanadeError } from '../errors.ts'
import { xoshiro128 } from '../eval/significance/xoshiro.ts'

/** A fold of fewer says nothing about the spread. */
const MIN_QUERIES = 2

/**
 * The fold of each query, from 0: shuffled by the seed, then dealt in turn, so that folds differ by one
 * query at most.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for fewer than two folds, or fewer than two queries a fold
 */
export function dealFolds(numQueries: number, numFolds: number, seed: number): Uint32Array {
  checkFolds(numQueries, numFolds)
  const order = Uint32Array.from({ length: numQueries }, (_, i) => i)
  const nextBits = xoshiro128(seed)
  for (let i = numQueries - 1; i > 0; i--) {
    const other = Math.floor((nextBits() / 2 ** 32) * (i + 1))
    const swapped = order[i]!
    order[i] = order[other]!
    order[other] = swapped
  }
  const foldOf = new Uint32Array(numQueries)
  for (const [position, query] of order.entries()) foldOf[query] = position % numFolds
  return foldOf
}

/**
 * @param numQueries - those that can tell one setting from another
 * @throws EsplanadeError `INVALID_ARGUMENT` for fewer than two folds, or fewer than two queries a fold
 */
export function checkFolds(numQueries: number, numFolds: number): void {
  if (!Number.isSafeInteger(numFolds) || numFolds < 2) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'folds',
      problem: `given ${numFolds}`,
      expected: 'a whole number from 2'
    })
  }
  if (numQueries >= MIN_QUERIES * numFolds) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'queries',
    problem: `${numQueries} can be learned from (judged, with hits and a relevant document); ${numFolds} folds need more`,
    expected: `${MIN_QUERIES * numFolds} or more: ${MIN_QUERIES} a fold`,
    remedy: 'Judge more queries, or ask for fewer folds; 50 queries are few, 200 are good'
  })
}
