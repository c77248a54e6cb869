import type { UpsertDocument } from '../../../src/collection/upsert-documents.ts'
import { sparseVector } from '../../../src/vector/sparse-vector.ts'
import { randomNumbers } from './random.mjs'

/** Documents that the oracle can score: weights are eighths, and there are five groups. */
export function madeDocuments(count: number, seed: number, prefix: string = 'k'): UpsertDocument[] {
  const random = randomNumbers(seed)
  const upTo = (limit: number): number => Math.floor(random() * limit)
  return Array.from({ length: count }, (_, i) => {
    const terms = new Set<number>()
    for (let left = 1 + upTo(8); left > 0; left--) terms.add(upTo(60))
    const ascending = [...terms].sort((a, b) => a - b)
    return {
      key: `${prefix}${i}`,
      namespace: i % 4 === 0 ? 'a' : '',
      text: `about ${prefix}${i}; `.repeat(1 + upTo(20)),
      metadata: { version: seed, group: `g${upTo(5)}` },
      vector: sparseVector(
        ascending,
        ascending.map(() => (1 + upTo(16)) / 8)
      )
    }
  })
}
