import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EncodeProgress, SparseEncoder } from '../../src/entry/encoder.ts'

let encoder: SparseEncoder
beforeAll(async () => {
  encoder = await SparseEncoder.load('splade-tiny')
})
afterAll(() => encoder.close())

const words = ['river', 'bridge', 'harbour', 'tide', 'salt', 'gull', 'rope', 'mast', 'wind', 'fog']
/** The n-th of any number of different texts of different lengths. */
const text = (n: number) =>
  Array.from({ length: 1 + (n % 9) }, (_, i) => words[(n * 3 + i) % 10]).join(' ')

describe('one text, several, a stream', () => {
  it('give the same vectors in the order of the texts', async () => {
    const texts = Array.from({ length: 40 }, (_, n) => text(n))
    const together = await encoder.encodeDocument(texts)
    const streamed = []
    async function* source() {
      yield* texts
    }
    for await (const vector of encoder.encodeDocument(source())) streamed.push(vector)
    expect(streamed).toEqual(together)
    for (const n of [0, 7, 39]) {
      const alone = await encoder.encodeDocument(texts[n]!)
      expect(alone.terms).toEqual(together[n]!.terms)
      alone.weights.forEach((weight, i) => {
        expect(Math.abs(weight - together[n]!.weights[i]!)).toBeLessThan(1e-4)
      })
    }
  })

  it('accepts no texts, and texts of nothing', async () => {
    expect(await encoder.encodeDocument([])).toEqual([])
    const [empty, blank] = await encoder.encodeDocument(['', ' \n\t '])
    expect(blank).toEqual(empty)
  })

  it('reads a stream no further than two windows ahead', async () => {
    let numRead = 0
    async function* endless() {
      for (;;) yield text(numRead++)
    }
    let numVectors = 0
    for await (const vector of encoder.encodeDocument(endless())) {
      expect(vector.terms.length).toBeGreaterThan(0)
      if (++numVectors === 600) break
    }
    expect(numRead).toBeLessThanOrEqual(1536)
  })
})

describe('options', () => {
  it('topTokens keeps the heaviest terms, minWeight the heavy ones', async () => {
    const full = await encoder.encodeDocument('salt wind on the harbour bridge')
    const heaviest = encoder.decode(full, { top: 5 })
    const top = await encoder.encodeDocument('salt wind on the harbour bridge', { topTokens: 5 })
    expect(encoder.decode(top)).toEqual(heaviest)
    const heavy = await encoder.encodeDocument('salt wind on the harbour bridge', { minWeight: 1 })
    expect(heavy.weights.every(weight => weight >= 1)).toBe(true)
    expect(heavy.terms.length).toBe(full.weights.filter(weight => weight >= 1).length)
  })

  it('maxTokens cuts a text, and the cut is counted', async () => {
    const reports: EncodeProgress[] = []
    const long = 'the ship follows the wind '.repeat(100)
    const [cut, short] = await encoder.encodeDocument([long, 'fog'], {
      maxTokens: 12,
      onProgress: progress => reports.push(progress)
    })
    const start = await encoder.encodeDocument(
      'the ship follows the wind the ship follows the wind'
    )
    expect(cut!.terms).toEqual(start.terms)
    expect(short!.terms.length).toBeGreaterThan(0)
    expect(reports.at(-1)).toEqual({ done: 2, total: 2, numTokens: 12 + 3, numTruncated: 1 })
  })

  it('a signal stops between batches', async () => {
    const controller = new AbortController()
    const texts = Array.from({ length: 2000 }, (_, n) => text(n))
    const encoding = encoder.encodeDocument(texts, {
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done > 100) controller.abort()
      }
    })
    await expect(encoding).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it.each([
    [{ maxTokens: 0 }],
    [{ maxTokens: 2.5 }],
    [{ maxTokens: 513 }],
    [{ topTokens: 0 }],
    [{ minWeight: -1 }],
    [{ minWeight: Number.NaN }]
  ])('%j is refused', async options => {
    await expect(encoder.encodeQuery('fog', options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })

  it('something that is no text is refused by its place', async () => {
    await expect(encoder.encodeDocument(['fog', 7 as unknown as string])).rejects.toThrow(
      'text 1: it is of type number'
    )
    for (const none of [null, undefined, 7]) {
      await expect(encoder.encodeQuery(none as unknown as string)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT'
      })
    }
  })

  it('closing twice is closing once', async () => {
    const other = await SparseEncoder.load('splade-tiny')
    await other.close()
    await other.close()
  })
})

describe('reading vectors', () => {
  it('decode sorts by weight and spells the terms', async () => {
    const decoded = encoder.decode(await encoder.encodeDocument('harbour'))
    expect(decoded[0]!.term).toMatch(/^(harbour|harbor)$/)
    for (let i = 1; i < decoded.length; i++) {
      expect(decoded[i]!.weight).toBeLessThanOrEqual(decoded[i - 1]!.weight)
    }
  })

  it('top is a count, never a slice from the end', async () => {
    const vector = await encoder.encodeDocument('harbour')
    expect(() => encoder.decode(vector, { top: -1 })).toThrow('top')
    await expect(encoder.predictMasked('a [MASK]', { top: -1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })

  it('predictMasked fills the blanks', async () => {
    const [first, second] = await encoder.predictMasked('[MASK] is the capital of [MASK].', {
      top: 5
    })
    expect(first).toHaveLength(5)
    expect(second).toHaveLength(5)
    const sum = first!.reduce((total, { weight }) => total + weight, 0)
    expect(sum).toBeGreaterThan(0)
    expect(sum).toBeLessThanOrEqual(1)
    await expect(encoder.predictMasked('nothing missing')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })
})
