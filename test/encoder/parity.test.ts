import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Pooling, SparseEncoder } from '../../src/entry/encoder.ts'
import { similarityMatrix } from '../../src/vector/similarity.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'
import { sharedMissing, sharedPath } from '../shared.ts'

/** Outputs of sentence-transformers 6.2 (float32) for the shipped model. */
interface Golden {
  readonly cases: readonly {
    readonly text: string
    readonly input_ids: readonly number[]
    readonly terms: readonly number[]
    readonly max: readonly number[]
    readonly sum: readonly number[]
  }[]
  readonly similarity_of_first_three: { readonly dot: number[][]; readonly cosine: number[][] }
}

const TOLERANCE = 1e-4
const texts: Golden = JSON.parse(
  readFileSync(new URL('../golden/splade-tiny.json', import.meta.url), 'utf8')
)
const passagesPath = sharedPath('data/golden/splade-tiny-passages.json')
const passages: Pick<Golden, 'cases'> | undefined =
  passagesPath === undefined ? undefined : JSON.parse(readFileSync(passagesPath, 'utf8'))

/** The largest difference of a weight; fails where the terms are not the same. */
function worstDifference(vector: SparseVector, golden: Golden['cases'][number], pooling: Pooling) {
  expect([...vector.terms]).toEqual(golden.terms)
  return Math.max(0, ...golden[pooling].map((weight, i) => Math.abs(weight - vector.weights[i]!)))
}

describe.each(['max', 'sum'] as const)('%s pooling equals sentence-transformers', pooling => {
  let encoder: SparseEncoder
  beforeAll(async () => {
    encoder = await SparseEncoder.load('splade-tiny', { pooling })
  })
  afterAll(() => encoder.close())

  const check = async (cases: Golden['cases'], order: readonly number[]) => {
    const vectors = await encoder.encodeDocument(order.map(i => cases[i]!.text))
    return Math.max(...vectors.map((v, at) => worstDifference(v, cases[order[at]!]!, pooling)))
  }

  it('reads the same tokens', () => {
    for (const { text, input_ids } of texts.cases) {
      expect([...encoder.tokenizer.tokenize(text).ids]).toEqual(input_ids)
    }
  })

  it('for 22 short texts, each alone', async () => {
    expect(texts.cases).toHaveLength(22)
    for (const one of texts.cases) {
      const vector = await encoder.encodeQuery(one.text)
      expect(worstDifference(vector, one, pooling)).toBeLessThan(TOLERANCE)
    }
  })

  it('for 22 short texts, whatever batch they travel in', async () => {
    const order = [...texts.cases.keys()]
    expect(await check(texts.cases, order)).toBeLessThan(TOLERANCE)
    expect(await check(texts.cases, [...order].reverse())).toBeLessThan(TOLERANCE)
    // Beside a long text, so that each is padded.
    const long = { text: 'the cell divides again. '.repeat(60) }
    for (const one of texts.cases.slice(0, 8)) {
      const [vector] = await encoder.encodeDocument([one.text, long.text])
      expect(worstDifference(vector!, one, pooling)).toBeLessThan(TOLERANCE)
    }
  })

  it.skipIf(passages === undefined)(`for 31 real passages (skips: ${sharedMissing})`, async () => {
    const { cases } = passages!
    expect(cases).toHaveLength(31)
    const order = [...cases.keys()]
    expect(await check(cases, order)).toBeLessThan(TOLERANCE)
    const mixed = [...cases, ...texts.cases]
    const shuffled = [...mixed.keys()].sort((a, b) => ((a * 7) % 53) - ((b * 7) % 53))
    expect(await check(mixed, shuffled)).toBeLessThan(TOLERANCE)
  })
})

describe('similarity equals sentence-transformers', () => {
  it('for the first three texts, dot and cosine', async () => {
    const encoder = await SparseEncoder.load('splade-tiny')
    const vectors = await encoder.encodeDocument(texts.cases.slice(0, 3).map(({ text }) => text))
    for (const metric of ['dot', 'cosine'] as const) {
      const expected = texts.similarity_of_first_three[metric]
      similarityMatrix(vectors, vectors, metric).forEach((row, i) => {
        row.forEach((value, j) => {
          expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-3)
        })
      })
    }
    await encoder.close()
  })
})
