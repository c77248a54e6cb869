import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { candidatesOf } from '../../src/encoder/candidates.ts'
import type { Decoder, MaskedLanguageModel } from '../../src/encoder/masked-language-model.ts'
import { openBatchEncoder } from '../../src/encoder/open-batch-encoder.ts'
import { type Precision, planBatchEncoder } from '../../src/encoder/plan-batch-encoder.ts'
import { Screen } from '../../src/encoder/screen.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

const TOLERANCE = 1e-4
/** What rounding to 8 bits may do to a weight; 0.11 was the most in 600 passages of MS MARCO. */
const INT8_TOLERANCE = 0.15

interface Golden {
  readonly cases: readonly {
    readonly text: string
    readonly terms: readonly number[]
    readonly max: readonly number[]
  }[]
}

const { cases }: Golden = JSON.parse(
  readFileSync(new URL('../golden/splade-tiny.json', import.meta.url), 'utf8')
)
const texts = [
  ...cases.map(({ text }) => text),
  'The cat sat on the mat. '.repeat(12),
  'Ünïcödé ﬁne print, 12,345.67 € and a 🙂',
  'Mitochondria turn sugar into adenosine triphosphate; chloroplasts turn light into sugar.'
]

/** The largest difference of a weight; a term that one of them lacks counts with its weight. */
function worstDifference(a: SparseVector, b: SparseVector): number {
  const weights = new Map(Array.from(a.terms, (term, i) => [term, a.weights[i]!]))
  let worst = 0
  b.terms.forEach((term, i) => {
    worst = Math.max(worst, Math.abs(b.weights[i]! - (weights.get(term) ?? 0)))
    weights.delete(term)
  })
  return Math.max(worst, ...weights.values())
}

function ascends({ terms, weights }: SparseVector): boolean {
  return terms.every((term, i) => i === 0 || term > terms[i - 1]!) && weights.every(w => w > 0)
}

describe('splade-tiny', () => {
  const encoders = {} as Record<Precision, SparseEncoder>
  beforeAll(async () => {
    for (const precision of ['float32', 'mixed', 'int8'] as const) {
      encoders[precision] = await SparseEncoder.load('splade-tiny', { precision })
    }
  })
  afterAll(() => Promise.all(Object.values(encoders).map(encoder => encoder.close())))

  it('is mixed unless something else is asked for', async () => {
    await using encoder = await SparseEncoder.load('splade-tiny')
    expect(encoder.precision).toBe('mixed')
    expect(Object.values(encoders).map(({ precision }) => precision)).toEqual([
      'float32',
      'mixed',
      'int8'
    ])
  })

  it.each(['float32', 'mixed'] as const)(
    '%s has the terms and weights of the reference',
    async p => {
      const vectors = await encoders[p].encodeDocument(cases.map(({ text }) => text))
      vectors.forEach((vector, i) => {
        const { terms, max } = cases[i]!
        expect([...vector.terms]).toEqual(terms)
        const reference = { terms: vector.terms, weights: Float32Array.from(max) }
        expect(worstDifference(vector, reference)).toBeLessThan(TOLERANCE)
      })
    }
  )

  it.each([
    ['mixed', TOLERANCE],
    ['int8', INT8_TOLERANCE]
  ] as const)('%s equals float32 to %f', async (precision, tolerance) => {
    const exact = await encoders.float32.encodeDocument(texts)
    const vectors = await encoders[precision].encodeDocument(texts)
    const worst = vectors.map((vector, i) => worstDifference(exact[i]!, vector))
    expect(Math.max(...worst)).toBeLessThan(tolerance)
    expect(vectors.every(ascends)).toBe(true)
    // Otherwise it would not be the int8 that was asked for.
    if (precision === 'int8') expect(Math.max(...worst)).toBeGreaterThan(TOLERANCE)
  })

  it('mixed equals float32 for any text', async () => {
    const anyWords = fc.array(fc.oneof(fc.string(), fc.constantFrom(...texts)), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(anyWords, async words => {
        const text = words.join(' ')
        const exact = await encoders.float32.encodeDocument(text)
        const mixed = await encoders.mixed.encodeDocument(text)
        expect(worstDifference(exact, mixed)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 60 }
    )
  })

  it.each(['mixed', 'int8'] as const)('%s does not depend on the batch', async precision => {
    const together = await encoders[precision].encodeDocument(texts)
    for (const [i, text] of texts.entries()) {
      const alone = await encoders[precision].encodeDocument(text)
      // A term just below zero in one batch is just above it in another.
      expect(worstDifference(alone, together[i]!)).toBeLessThan(TOLERANCE)
    }
  })

  it('computes sums over tokens in float32, whatever is asked for', async () => {
    await using encoder = await SparseEncoder.load('splade-tiny', {
      pooling: 'sum',
      precision: 'int8'
    })
    expect(encoder.precision).toBe('float32')
  })

  it('refuses a precision that is none', async () => {
    const loading = SparseEncoder.load('splade-tiny', { precision: 'float16' as Precision })
    await expect(loading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place: 'precision' })
  })
})

const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32 - 0.5
}

/** A model whose states are rows of a table, so that all of it can be worked out here. */
function tableModel(
  decoder: Decoder,
  states: Float32Array,
  hiddenSize: number
): MaskedLanguageModel {
  const numStates = states.length / hiddenSize
  return {
    vocabularySize: decoder.bias.length,
    hiddenSize,
    maxPositions: 512,
    addStates: (graph, { ids }) =>
      graph.node('Gather', [graph.floats(states, [numStates, hiddenSize]), ids]),
    decoder
  }
}

/** `log1p` of the largest logit of each term, in float64. */
function expectedWeights(ids: Uint32Array, { matrix, bias }: Decoder, states: Float32Array) {
  const hiddenSize = matrix.length / bias.length
  return Array.from(bias, (shift, term) => {
    const logits = Array.from(ids, id => {
      let sum = shift
      for (let i = 0; i < hiddenSize; i++) {
        sum += states[id * hiddenSize + i]! * matrix[term * hiddenSize + i]!
      }
      return sum
    })
    return Math.log1p(Math.max(0, ...logits))
  })
}

describe.each([
  [1, 1],
  [7, 5],
  [33, 401],
  [96, 1000]
])('%i wide, %i terms', (hiddenSize, numTerms) => {
  const next = random(hiddenSize * numTerms)
  const matrix = Float32Array.from({ length: hiddenSize * numTerms }, next)
  // Rows of zeros, and one that is a thousand times the others.
  matrix.fill(0, 0, hiddenSize * Math.min(2, numTerms - 1))
  for (let i = 0; i < hiddenSize; i++) matrix[matrix.length - 1 - i]! *= 1000
  const bias = Float32Array.from({ length: numTerms }, (_, term) => (term === 1 ? 0.25 : next()))
  const states = Float32Array.from({ length: 20 * hiddenSize }, next)
  states.fill(0, 0, hiddenSize)
  const decoder = { matrix, bias }
  const model = tableModel(decoder, states, hiddenSize)
  const batch = [
    [0],
    [1, 2, 3, 4, 5, 6, 7],
    [19, 0, 4],
    Array.from({ length: 40 }, (_, i) => i % 20)
  ]
  const ids = batch.map(tokens => Uint32Array.from(tokens))

  it.each(['max', 'log1p'])('mixed is what float64 gives (%s)', async name => {
    const activation = name === 'max' ? 'relu' : 'log1p_relu'
    const plan = planBatchEncoder(model, { pooling: 'max', activation }, 'mixed', 0)
    expect(plan.precision).toBe('mixed')
    const encoder = await openBatchEncoder(plan, 1)
    const vectors = await encoder.encode(ids)
    await encoder.close()
    vectors.forEach((vector, row) => {
      const weights = expectedWeights(ids[row]!, decoder, states).map(weight =>
        activation === 'relu' ? weight : Math.log1p(weight)
      )
      const expected = {
        terms: Uint32Array.from(weights.keys()),
        weights: Float32Array.from(weights)
      }
      expect(worstDifference(vector, expected)).toBeLessThan(TOLERANCE)
      expect(ascends(vector)).toBe(true)
    })
  })

  it('screens in whole numbers, and lets few terms through that are below zero', async () => {
    const plan = planBatchEncoder(model, { pooling: 'max', activation: 'relu' }, 'mixed', 0)
    if (plan.precision !== 'mixed') throw new Error('it is not mixed')
    const screen = await Screen.open(plan, 'passes', 1)
    const { output } = await screen.run(ids)
    await screen.close()
    expect(output).toMatchObject({ type: 'bool', dims: [ids.length, numTerms] })
    const passed = candidatesOf(output.data as Uint8Array, ids.length)
    passed.forEach((candidates, row) => {
      const weights = expectedWeights(ids[row]!, decoder, states)
      const active = [...weights.keys()].filter(term => weights[term]! > TOLERANCE)
      expect(candidates).toEqual(expect.arrayContaining(active))
      expect(candidates.length - active.length).toBeLessThanOrEqual(2 + 0.1 * numTerms)
    })
  })
})

describe('states that are no numbers', () => {
  it.each(['mixed', 'int8'] as const)('are an error in %s', async precision => {
    const decoder = { matrix: Float32Array.of(1, 2), bias: Float32Array.of(-5) }
    const model = tableModel(decoder, Float32Array.of(1, 1, Number.NaN, 0), 2)
    const head = { pooling: 'max', activation: 'relu' } as const
    const encoder = await openBatchEncoder(planBatchEncoder(model, head, precision, 0), 1)
    await expect(encoder.encode([Uint32Array.of(0, 1)])).rejects.toMatchObject({
      code: 'RUNTIME_FAILED'
    })
    expect(await encoder.encode([Uint32Array.of(0)])).toHaveLength(1)
    await encoder.close()
  })
})
