import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeTexts } from '../../src/cli/encode-texts.ts'
import { openBatchEncoder } from '../../src/encoder/open-batch-encoder.ts'
import { provideEncodeThreads } from '../../src/encoder/threads.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { type LoadOptions, open } from '../../src/entry/index.ts'
import { startEncodeThreads } from '../../src/node/encode-threads.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'
import { runProgram } from '../run-program.ts'

/** The threads run `dist/node/encode-worker.js`: the project must be built. */
const crashingWorker = fileURLToPath(new URL('crashing-encode-worker.mjs', import.meta.url))
const encoderEntry = new URL('../../dist/entry/encoder.js', import.meta.url).href

const words = ['river', 'bridge', 'harbour', 'tide', 'salt', 'gull', 'rope', 'mast', 'wind', 'fog']
const text = (n: number) =>
  Array.from({ length: 1 + (n % 7) }, (_, i) => words[(n * 3 + i) % 10]).join(' ')
const texts = (count: number) => Array.from({ length: count }, (_, n) => text(n))

let folder: string
let single: SparseEncoder
const opened: SparseEncoder[] = []
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-threads-'))
  single = await SparseEncoder.load('splade-tiny')
  const idOf = (word: string) => single.tokenizer.tokenize(word, { maxTokens: 8 }).ids[1]
  process.env.CRASHES = JSON.stringify({
    exit: idOf('volcano'),
    throw: idOf('earthquake'),
    once: idOf('flood'),
    marker: join(folder, 'flooded')
  })
})
afterEach(async () => {
  for (const encoder of opened.splice(0)) await encoder.close()
})
afterAll(async () => {
  await single.close()
  delete process.env.CRASHES
  rmSync(folder, { recursive: true, force: true })
})

async function load(options: LoadOptions, workerFile?: string): Promise<SparseEncoder> {
  provideEncodeThreads((plan, threads) =>
    startEncodeThreads(plan, { ...threads, ...(workerFile && { workerFile }) })
  )
  const encoder = await SparseEncoder.load('splade-tiny', options)
  opened.push(encoder)
  return encoder
}

function expectSame(found: readonly SparseVector[], expected: readonly SparseVector[]): void {
  expect(found.map(({ terms }) => terms)).toEqual(expected.map(({ terms }) => terms))
  found.forEach(({ weights }, i) => {
    weights.forEach((weight, j) => {
      expect(Math.abs(weight - expected[i]!.weights[j]!)).toBeLessThan(1e-4)
    })
  })
}

async function* streamOf(from: readonly string[]): AsyncGenerator<string> {
  yield* from
}

describe('worker threads', () => {
  it.each([1, 3])('%i give what a session in this thread gives', async numWorkers => {
    const encoder = await load({ numWorkers, maxBatchTokens: 128 })
    const many = texts(530)
    const streamed: SparseVector[] = []
    for await (const vector of encoder.encodeDocument(streamOf(many))) streamed.push(vector)
    expectSame(streamed, await single.encodeDocument(many))
    // A vector has memory of its own: it may be kept or handed on without its neighbours.
    expect(streamed[0]!.weights.buffer.byteLength).toBe(4 * streamed[0]!.weights.length)
    expectSame([await encoder.encodeQuery('tide')], [await single.encodeQuery('tide')])
    expect(await encoder.encodeDocument([])).toEqual([])
  })

  it('serve several calls at once', async () => {
    const encoder = await load({ numWorkers: 2 })
    const lists = [texts(40), texts(3), ['fog'], texts(90)]
    const found = await Promise.all(lists.map(list => encoder.encodeDocument(list)))
    for (const [i, list] of lists.entries())
      expectSame(found[i]!, await single.encodeDocument(list))
  })

  it('are told by a number that has a meaning', async () => {
    for (const numWorkers of [-1, 1.5, Number.NaN, 5000]) {
      await expect(load({ numWorkers })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        place: 'numWorkers'
      })
    }
  })

  it('finish what was begun before they close', async () => {
    const encoder = await load({ numWorkers: 2 })
    const encoding = encoder.encodeDocument(texts(20))
    await new Promise(resolve => setTimeout(resolve))
    await encoder.close()
    expect(await encoding).toHaveLength(20)
    await expect(encoder.encodeQuery('fog')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('that cannot open the model say why', async () => {
    const head = { pooling: 'max', activation: 'relu' } as const
    const graph = { bytes: Uint8Array.of(1, 2, 3), externalData: [] }
    const plan = { precision: 'float32', graph, head, padId: 0 } as const
    const here = await openBatchEncoder(plan, 1).catch(error => error)
    const there = startEncodeThreads(plan, { numWorkers: 2, numThreads: 1 })
    await expect(there).rejects.toMatchObject({ code: 'RUNTIME_FAILED', problem: here.problem })
  })

  it('keep no program from ending', () => {
    const program = `
      const { SparseEncoder } = await import(${JSON.stringify(encoderEntry)})
      const encoder = await SparseEncoder.load('splade-tiny', { numWorkers: 1 })
      console.log((await encoder.encodeQuery('fog')).terms.length > 0)`
    const { status, stdout } = runProgram(process.execPath, ['--input-type=module', '-e', program])
    expect([status, stdout.trim()]).toEqual([0, 'true'])
  })
})

describe('a worker that dies', () => {
  const withCrash = (word: string, at: number, count = 560) =>
    texts(count).map((one, n) => (n === at ? `${one} ${word}` : one))
  const loadCrashing = () => load({ numWorkers: 2, maxBatchTokens: 64 }, crashingWorker)

  it('is replaced, and its batch is tried again', async () => {
    const encoder = await loadCrashing()
    const many = withCrash('flood', 123, 200)
    expectSame(await encoder.encodeDocument(many), await single.encodeDocument(many))
  })

  it.each([
    ['exits', 'volcano', 'a thread that encodes ended with code 7'],
    ['throws', 'earthquake', 'a thread that encodes ended: the ground shook']
  ])('and %s again is told with its text; the others are encoded', async (_, word, problem) => {
    const encoder = await loadCrashing()
    const many = withCrash(word, 555)
    const found: SparseVector[] = []
    const encodeAll = async () => {
      for await (const vector of encoder.encodeDocument(streamOf(many))) found.push(vector)
    }
    await expect(encodeAll()).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      place: 'text 555',
      textIndex: 555,
      problem
    })
    expectSame(found, await single.encodeDocument(many.slice(0, 512)))
    expectSame(await encoder.encodeDocument(texts(30)), await single.encodeDocument(texts(30)))
  })

  it('is told by the command line with the key of the text', async () => {
    const encoder = await loadCrashing()
    async function* documents() {
      const many = withCrash('volcano', 530)
      for (const [n, one] of many.entries()) yield { key: `key ${n}`, text: one, metadata: {} }
    }
    const lines: string[] = []
    const task = {
      encoder,
      asQueries: false,
      options: {},
      format: 'jsonl' as const,
      output: { write: async (line: string) => void lines.push(line) }
    }
    await expect(encodeTexts(documents(), task)).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      place: 'text "key 530"'
    })
    expect(lines).toHaveLength(512)
  })

  it('is told by a collection with the key of the document', async () => {
    await using collection = await open(join(folder, 'collection'), {
      model: 'splade-tiny',
      load: { numWorkers: 1 }
    })
    provideEncodeThreads((plan, threads) =>
      startEncodeThreads(plan, { ...threads, workerFile: crashingWorker })
    )
    const documents = withCrash('volcano', 17, 40).map((one, n) => ({ key: `k${n}`, text: one }))
    await expect(collection.upsert(documents)).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      place: 'document "k17"'
    })
  })
})
