import { describe, expect, it } from 'vitest'
import type { BatchEncoder } from '../../src/encoder/batch-encoder.ts'
import {
  type CheckedOptions,
  encodeTexts,
  type TextEncoding
} from '../../src/encoder/encode-texts.ts'
import type { EncodeProgress } from '../../src/encoder/sparse-encoder.ts'
import { EsplanadeError } from '../../src/errors.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

/** What happens while one task encodes. */
class Recorder implements BatchEncoder {
  readonly concurrency: number
  readonly #encodeOne: (ids: Uint32Array) => SparseVector
  readonly #delay: () => Promise<void>
  numUnderWay = 0
  mostUnderWay = 0
  numBatches = 0

  constructor(
    concurrency: number,
    encodeOne: (ids: Uint32Array) => SparseVector = vectorOf,
    delay: () => Promise<void> = () =>
      new Promise(resolve => setTimeout(resolve, Math.random() * 3))
  ) {
    this.concurrency = concurrency
    this.#encodeOne = encodeOne
    this.#delay = delay
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    this.numBatches++
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.numUnderWay)
    try {
      await this.#delay()
      return texts.map(this.#encodeOne)
    } finally {
      this.numUnderWay--
    }
  }

  async close(): Promise<void> {}
}

/** The text `n` is of n % 30 + 1 tokens, the first of which is n: its vector says which it was. */
const idsOf = (n: number) => Uint32Array.from({ length: (n % 30) + 1 }, () => n)
const vectorOf = (ids: Uint32Array): SparseVector => ({
  terms: ids.slice(0, 1),
  weights: Float32Array.of(ids.length)
})
const tokenizer = {
  tokenize: (text: string) => ({ ids: idsOf(Number(text)), numTruncated: Number(text) % 2 })
}

function encode(
  texts: AsyncIterable<string> | Iterable<string>,
  encoder: BatchEncoder,
  options: Partial<CheckedOptions> = {},
  total?: number
): AsyncGenerator<SparseVector> {
  const encoding: TextEncoding<SparseVector> = { tokenizer, encoder, maxBatchTokens: 256 }
  return encodeTexts(texts, encoding, { maxTokens: 64, ...options }, total)
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => String(n))

/** What came of a task: the texts whose vectors it gave, in order, and its error. */
async function outcomeOf(vectors: AsyncIterable<SparseVector>) {
  const found: number[] = []
  try {
    for await (const { terms } of vectors) found.push(terms[0]!)
  } catch (error) {
    return { found, error: error as EsplanadeError }
  }
  return { found, error: undefined }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)
const failed = () => new EsplanadeError('RUNTIME_FAILED', { problem: 'the runtime gave up' })

/** A stream that says how far it was read, and when it was let go. */
function observed(count: number) {
  const seen = { numRead: 0, isLetGo: false }
  async function* texts() {
    try {
      for (const text of numbers(count)) {
        seen.numRead++
        yield text
      }
    } finally {
      seen.isLetGo = true
    }
  }
  return { seen, texts: texts() }
}

describe.each([1, 2, 5])('%i batches at a time', concurrency => {
  it('keep the order of the texts, and no more are under way', async () => {
    const encoder = new Recorder(concurrency)
    const { found, error } = await outcomeOf(encode(numbers(1700), encoder))
    expect(error).toBeUndefined()
    expect(found).toEqual(upTo(1700))
    expect(encoder.mostUnderWay).toBe(concurrency)
  })

  it('count every text once, in ascending reports', async () => {
    const reports: EncodeProgress[] = []
    const onProgress = (progress: EncodeProgress) => reports.push(progress)
    await outcomeOf(encode(numbers(1100), new Recorder(concurrency), { onProgress }, 1100))
    const done = reports.map(report => report.done)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    const numTokens = upTo(1100).reduce((sum, n) => sum + idsOf(n).length, 0)
    expect(reports.at(-1)).toEqual({ done: 1100, total: 1100, numTokens, numTruncated: 550 })
  })

  it('an error of the source comes after the vectors of the windows before', async () => {
    const { seen, texts } = observed(700)
    async function* broken() {
      yield* texts
      throw new Error('the source is dry')
    }
    const encoder = new Recorder(concurrency)
    const { found, error } = await outcomeOf(encode(broken(), encoder))
    expect(error?.message).toBe('the source is dry')
    expect(found).toEqual(upTo(512))
    expect(seen.isLetGo).toBe(true)
    expect(encoder.numUnderWay).toBe(0)
  })

  it('who stops taking vectors stops the work', async () => {
    const { seen, texts } = observed(100_000)
    const encoder = new Recorder(concurrency)
    let numTaken = 0
    for await (const _ of encode(texts, encoder)) if (++numTaken === 520) break
    expect(encoder.numUnderWay).toBe(0)
    const { numBatches } = encoder
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(encoder.numBatches).toBe(numBatches)
    expect(seen.numRead).toBeLessThanOrEqual(3 * 512)
    expect(seen.isLetGo).toBe(true)
  })

  it('a signal stops the work before the next batch', async () => {
    const { seen, texts } = observed(100_000)
    const controller = new AbortController()
    const encoder = new Recorder(concurrency)
    const onProgress = ({ done }: EncodeProgress) => {
      if (done > 900) controller.abort('enough')
    }
    const options = { signal: controller.signal, onProgress }
    const { found, error } = await outcomeOf(encode(texts, encoder, options))
    expect(error).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(found).toEqual(upTo(512))
    expect(encoder.numUnderWay).toBe(0)
    expect(seen.isLetGo).toBe(true)
  })

  it('a listener that throws ends the work with its error', async () => {
    const onProgress = () => {
      throw new Error('the listener fell over')
    }
    const encoder = new Recorder(concurrency)
    const { error } = await outcomeOf(encode(numbers(2000), encoder, { onProgress }))
    expect(error?.message).toBe('the listener fell over')
    expect(encoder.numUnderWay).toBe(0)
  })
})

describe('reading ahead', () => {
  it('the next window is read while one is encoded, and not the one after it', async () => {
    const { seen, texts } = observed(5000)
    let open: () => void = () => undefined
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    const first = encode(texts, new Recorder(1, vectorOf, () => gate)).next()
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(seen.numRead).toBe(2 * 512)
    open()
    await first
  })

  it('what is read ahead is bounded in characters', async () => {
    let numRead = 0
    async function* large() {
      for (;;) yield `${numRead++}`.padStart(1_000_000, '0')
    }
    const vectors = encode(large(), new Recorder(1))
    await vectors.next()
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(numRead).toBe(8)
    await vectors.return(undefined)
  })

  it('a source that is silent does not keep a signal from ending the work', async () => {
    const controller = new AbortController()
    async function* silent() {
      yield* numbers(512)
      await new Promise(() => undefined)
    }
    const options = {
      signal: controller.signal,
      onProgress: ({ done }: EncodeProgress) => {
        if (done === 512) setTimeout(() => controller.abort(), 20)
      }
    }
    const { found, error } = await outcomeOf(encode(silent(), new Recorder(2), options))
    expect(found).toEqual(upTo(512))
    expect(error).toMatchObject({ code: 'ABORTED' })
  })
})

describe('a batch that the runtime fails on', () => {
  it('is tried again text by text, and passes if that does', async () => {
    let numFailures = 0
    const encoder = new Recorder(2)
    const tooLarge: BatchEncoder = {
      concurrency: 2,
      encode: async texts => {
        if (texts.length === 1) return encoder.encode(texts)
        numFailures++
        throw failed()
      },
      close: async () => undefined
    }
    const { found, error } = await outcomeOf(encode(numbers(600), tooLarge))
    expect(error).toBeUndefined()
    expect(found).toEqual(upTo(600))
    expect(numFailures).toBeGreaterThan(0)
  })

  it.each([1, 4])('names the text that fails alone, %i at a time', async concurrency => {
    const encoder = new Recorder(concurrency, ids => {
      if (ids[0] === 777) throw failed()
      return vectorOf(ids)
    })
    const { found, error } = await outcomeOf(encode(numbers(5000), encoder))
    expect(found).toEqual(upTo(512))
    expect(error).toMatchObject({ code: 'RUNTIME_FAILED', place: 'text 777', textIndex: 777 })
    expect(error?.message).toContain('text 777: the runtime gave up')
    expect(encoder.numUnderWay).toBe(0)
  })

  it('is not tried again where it cannot help', async () => {
    let numCalls = 0
    const encoder = new Recorder(1, () => {
      numCalls++
      throw new TypeError('a mistake of the programmer')
    })
    const { error } = await outcomeOf(encode(numbers(3), encoder))
    expect(error).toBeInstanceOf(TypeError)
    expect(numCalls).toBe(1)
  })
})
