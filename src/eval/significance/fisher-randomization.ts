/**
 * Fisher's randomisation test: if two systems were alike, each query's two values could as well stand
 * the other way round. The p-value is the share of such exchanges whose mean difference is at
 * least as large, either way, as the one that was measured. It supposes nothing about how the
 * values are distributed.
 *
 * Fisher, The Design of Experiments, 1935; for retrieval: Smucker, Allan and Carterette, A comparison of
 * statistical significance tests for information retrieval evaluation, CIKM 2007. The p-value of drawn
 * exchanges counts the measured one as one of them, so that it is never 0: Phipson and Smyth,
 * Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9(1), 2010.
 */
import { checkCount } from './check-count.ts'
import { pairedDifferences } from './paired-differences.ts'
import { type RandomBits, xoshiro128 } from './xoshiro.ts'

export interface RandomizationOptions {
  /** How many exchanges are drawn, default 100,000; where there are no more, all are looked at. */
  readonly numPermutations?: number | undefined
  /** Default 1. The same seed gives the same p-value. */
  readonly seed?: number | undefined
}

export interface RandomizationTest {
  /** Two-sided; above 0. */
  readonly pValue: number
  /** How many exchanges were looked at. */
  readonly numPermutations: number
  /** Whether these were all that there are, so that nothing was left to chance. */
  readonly isExact: boolean
}

/**
 * Tests whether the values of two systems on the same queries differ, two-sided. Queries on which
 * they are equal make no difference. With 100,000 draws a p-value of .05 is right to ± .0014 (95 %).
 *
 * @param a values per query
 * @param b values per query, `b[i]` of the same query as `a[i]`
 * @throws EsplanadeError `INVALID_ARGUMENT` for different lengths, fewer than two queries, values that
 *   are not finite, or a number of permutations below 1
 */
export function fisherRandomization(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { numPermutations = 100_000, seed = 1 }: RandomizationOptions = {}
): RandomizationTest {
  checkCount('numPermutations', numPermutations)
  const differences = pairedDifferences(a, b).filter(difference => difference !== 0)
  let total = 0
  let sumOfSizes = 0
  for (const difference of differences) {
    total += difference
    sumOfSizes += Math.abs(difference)
  }
  // Sums that are equal but for the order in which they were rounded count as equal.
  const measured = Math.abs(total) - 1e-12 * sumOfSizes
  const numAll = 2 ** differences.length
  if (numAll <= numPermutations) {
    const numExtreme = countAll(differences, total, measured)
    return { pValue: numExtreme / numAll, numPermutations: numAll, isExact: true }
  }
  const numExtreme = countDrawn(differences, total, measured, numPermutations, xoshiro128(seed))
  return { pValue: (numExtreme + 1) / (numPermutations + 1), numPermutations, isExact: false }
}

/** How many of all sign patterns reach the measured sum; they are walked in Gray code's order. */
function countAll(differences: Float64Array, total: number, measured: number): number {
  const isTurned = new Uint8Array(differences.length)
  let numExtreme = 1
  let sum = total
  for (let step = 1; step < 2 ** differences.length; step++) {
    const index = 31 - Math.clz32(step & -step)
    const turned = 2 * (differences[index] ?? 0)
    sum += isTurned[index] === 1 ? turned : -turned
    isTurned[index] = isTurned[index] === 1 ? 0 : 1
    if (Math.abs(sum) >= measured) numExtreme += 1
  }
  return numExtreme
}

function countDrawn(
  differences: Float64Array,
  total: number,
  measured: number,
  numPermutations: number,
  nextBits: RandomBits
): number {
  const { length } = differences
  let numExtreme = 0
  for (let permutation = 0; permutation < numPermutations; permutation++) {
    let kept = 0
    for (let first = 0; first < length; first += 32) {
      let bits = nextBits()
      const end = Math.min(first + 32, length)
      for (let i = first; i < end; i++) {
        kept += differences[i]! * (bits & 1)
        bits >>>= 1
      }
    }
    // What is kept counts positive, the rest negative.
    if (Math.abs(2 * kept - total) >= measured) numExtreme += 1
  }
  return numExtreme
}
