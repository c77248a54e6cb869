import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

/** What sentence-transformers makes of texts with whole checkpoints, by make-family-texts.py. */
interface Golden {
  readonly max_tokens: number
  readonly texts: readonly string[]
  readonly [family: string]: unknown
}

interface GoldenFamily {
  readonly ids: readonly (readonly number[])[]
  readonly vectors: readonly GoldenVector[]
  readonly masked: GoldenVector & { readonly text: string }
}

interface GoldenVector {
  readonly terms: readonly number[]
  readonly weights: readonly number[]
}

const TOLERANCE = 1e-4
const goldenFolder = fileURLToPath(new URL('../golden', import.meta.url))
const golden: Golden = JSON.parse(await readFile(join(goldenFolder, 'family-texts.json'), 'utf8'))
const { texts, max_tokens: maxTokens } = golden

function expectSame({ terms, weights }: SparseVector, expected: GoldenVector): void {
  expect([...terms]).toEqual(expected.terms)
  const differences = expected.weights.map((weight, i) => Math.abs(weight - weights[i]!))
  expect(Math.max(...differences)).toBeLessThan(TOLERANCE)
}

describe.each(['roberta', 'xlm-roberta', 'modernbert'])('a folder of %s', family => {
  const { ids, vectors, masked } = golden[family] as GoldenFamily
  let folder: string
  let encoder: SparseEncoder

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'esplanade-family-'))
    for (const part of ['families', 'tokenizers']) {
      await cp(join(goldenFolder, part, family), folder, { recursive: true })
    }
    encoder = await SparseEncoder.load(folder, { maxTokens })
  })
  afterAll(async () => {
    await encoder.close()
    await rm(folder, { recursive: true })
  })

  it('gives the vectors of sentence-transformers, from text to weights', async () => {
    texts.forEach((text, i) => {
      expect([...encoder.tokenizer.tokenize(text, { maxTokens }).ids]).toEqual(ids[i])
    })
    expect(ids.at(-1)).toHaveLength(maxTokens)
    const found = await encoder.encodeDocument(texts)
    vectors.forEach((vector, i) => {
      expectSame(found[i]!, vector)
    })
    for (const [i, text] of texts.entries()) {
      expectSame(await encoder.encodeQuery(text), vectors[i]!)
    }
  })

  it('predicts what its own mask stands for, and names it where there is none', async () => {
    const [found] = await encoder.predictMasked(masked.text, { top: 10 })
    expect(found!.map(({ termId }) => termId)).toEqual(masked.terms)
    found!.forEach(({ weight }, i) => {
      expect(weight).toBeCloseTo(masked.weights[i]!, 4)
    })
    const { mask } = encoder.tokenizer.specialTokens
    await expect(encoder.predictMasked('No mask.')).rejects.toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        problem: `the text holds no ${encoder.vocabulary.termOf(mask!)} in its first 24 tokens`
      })
    )
  })

  it('names every term, those that its tokenizer lacks among them', async () => {
    const { vocab_size: size } = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
    expect(encoder.vocabulary.size).toBe(size)
    const found = await encoder.encodeDocument(texts)
    const terms = found.flatMap(vector => encoder.decode(vector))
    const unnamed = terms.filter(({ term }) => term.startsWith('[unused '))
    expect(unnamed.length > 0).toBe(family === 'modernbert')
    for (const { term, termId } of unnamed) {
      expect(term).toBe(`[unused ${termId}]`)
      expect(encoder.vocabulary.isSpecial(termId)).toBe(true)
    }
    expect(() => encoder.vocabulary.termOf(size)).toThrow(`the vocabulary has no term ${size}`)
  })
})
