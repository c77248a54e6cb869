import { type RandomBits, xoshiro128 } from '../../src/eval/significance/xoshiro.ts'
import type { FusionList } from '../../src/fusion/fusion-list.ts'

/** A list of these scores; documents that it lacks have 0. */
export function listOf(
  name: string,
  scores: Readonly<Record<string, number>>,
  rest: Partial<FusionList> & { readonly bounds?: readonly [min: number, max: number] } = {}
): FusionList {
  const { bounds, ...others } = rest
  const sorted = Object.entries(scores).sort(([, a], [, b]) => b - a)
  const values = sorted.map(([, score]) => score)
  return {
    name,
    missing: 'zero',
    list: {
      hits: sorted.map(([key, score], i) => ({ key, score, rank: i + 1 })),
      min: bounds?.[0] ?? Math.min(0, ...values),
      max: bounds?.[1] ?? Math.max(0, ...values),
      scoresOf: keys => Float64Array.from(keys, key => scores[key] ?? 0)
    },
    ...others
  }
}

/** A number from 0 to 1 of each call. */
export function randomOf(seed: number): () => number {
  const nextBits: RandomBits = xoshiro128(seed)
  return () => nextBits() / 2 ** 32
}

/** Lists of random scores of random documents. */
export function randomLists(
  random: () => number,
  { numLists = 3, numKeys = 40, numHits = 20, levels = 1e9 } = {}
): FusionList[] {
  return Array.from({ length: numLists }, (_, at) => {
    const scores: Record<string, number> = {}
    for (let i = 0; i < numHits; i++) {
      scores[`d${Math.floor(random() * numKeys)}`] = Math.floor(random() * levels) / levels
    }
    const missing = at % 2 === 0 ? 'zero' : 'score'
    return listOf(['sparse', 'dense', 'bm25', 'other'][at]!, scores, { missing })
  })
}
