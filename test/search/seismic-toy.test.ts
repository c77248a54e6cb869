import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { sharedMissing, sharedPath } from '../shared.ts'

interface Line {
  readonly id: number
  readonly vector: Readonly<Record<string, number>>
}

const folder = sharedPath('data/golden/seismic-toy')

function readLines(name: string): Line[] {
  const lines = readFileSync(`${folder}/${name}`, 'utf8').trim().split('\n')
  return lines.map(line => JSON.parse(line) as Line)
}

describe('real vectors of 20 passages and 5 queries', () => {
  it.skipIf(folder === undefined)(
    `rank as a sum over their tokens ranks them (without: ${sharedMissing})`,
    async () => {
      const documents = readLines('documents.jsonl')
      const queries = readLines('queries.jsonl')
      const tokens = [...documents, ...queries].flatMap(({ vector }) => Object.keys(vector))
      const idOf = new Map([...new Set(tokens)].sort().map((token, id) => [token, id]))
      const vectorOf = ({ vector }: Line) =>
        sparseVectorFromEntries(
          Object.entries(vector).map(([token, weight]) => [idOf.get(token)!, weight])
        )
      const builder = new SparseIndexBuilder()
      for (const document of documents) builder.add(String(document.id), vectorOf(document))
      const index = await builder.finish()

      for (const query of queries) {
        const { hits } = await index.search(vectorOf(query), { k: 20 })
        const expected = documents
          .map(({ id, vector }) => {
            const shared = Object.keys(query.vector).filter(token => token in vector)
            const products = shared.map(token => query.vector[token]! * vector[token]!)
            return { key: String(id), score: products.reduce((sum, product) => sum + product, 0) }
          })
          .filter(({ score }) => score > 0)
          .sort((a, b) => b.score - a.score)
        expect(hits.map(({ key }) => key)).toEqual(expected.map(({ key }) => key))
        hits.forEach(({ score }, i) => {
          // The file's weights have more digits than a float32 holds.
          expect(score).toBeCloseTo(expected[i]!.score, 4)
        })
      }
    }
  )
})
