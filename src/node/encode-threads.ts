import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { BatchEncoder } from '../encoder/batch-encoder.ts'
import type { EncoderPlan, EncodeThreadsOptions } from '../encoder/threads.ts'
import { Turns } from '../encoder/turns.ts'
import { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

type Vector = SparseVector | DenseVector

/** What a worker is started with. */
export interface EncodeWorkerData {
  /** Its bytes are in memory that all workers share. */
  readonly plan: EncoderPlan
  readonly numThreads: number
}

/** The token ids of a batch, or undefined: the worker frees the model and ends. */
export type EncodeRequest = readonly Uint32Array[] | undefined

/** Vectors one after the other, in buffers that are handed over. */
export interface PostedVectors {
  readonly isDense: boolean
  /** Empty where they are dense. */
  readonly terms: Uint32Array<ArrayBuffer>
  readonly weights: Float32Array<ArrayBuffer>
  /** The i-th vector ends before `ends[i]`. */
  readonly ends: readonly number[]
}

/** A thread cannot pass an error of ours on as such: its details go over instead. */
export type EncodeAnswer =
  | { readonly isOpen: true }
  | { readonly vectors: PostedVectors }
  | { readonly refused: ErrorDetails & { readonly code: ErrorCode } }
  | { readonly failed: string }

/** How threads are started. */
export interface StartOptions extends EncodeThreadsOptions {
  /** What a worker runs. Default: `encode-worker.js` of the built package. */
  readonly workerFile?: string
}

/** One batch is encoded while the next one waits in the worker, which so never waits for it. */
const REQUESTS_PER_WORKER = 2

/**
 * Starts worker threads with a session each. The model is in memory once for all of them to start
 * from; what the runtime makes of it, each has for itself.
 *
 * @throws EsplanadeError `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT` in Deno
 */
export async function startEncodeThreads(
  plan: EncoderPlan,
  { numWorkers, numThreads, workerFile = builtWorker() }: StartOptions
): Promise<BatchEncoder<Vector>> {
  if ('Deno' in globalThis) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'numWorkers',
      problem: 'worker threads with ONNX Runtime do not end in Deno',
      expected: 'no workers there',
      remedy: 'Leave numWorkers out, or use Node or Bun'
    })
  }
  const workerData: EncodeWorkerData = { plan: shared(plan), numThreads }
  const threads = new EncodeThreads(numWorkers, () => new EncodeThread(workerFile, workerData))
  await threads.opened()
  return threads
}

class EncodeThreads implements BatchEncoder<Vector> {
  readonly concurrency: number
  readonly #startThread: () => EncodeThread
  readonly #threads: EncodeThread[]
  readonly #turns: Turns
  #isClosed = false

  constructor(numWorkers: number, startThread: () => EncodeThread) {
    this.concurrency = REQUESTS_PER_WORKER * numWorkers
    this.#turns = new Turns(this.concurrency)
    this.#startThread = startThread
    this.#threads = Array.from({ length: numWorkers }, startThread)
  }

  async opened(): Promise<void> {
    try {
      await Promise.all(this.#threads.map(thread => thread.opened))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  encode(texts: readonly Uint32Array[]): Promise<Vector[]> {
    return this.#turns.run(async () => {
      for (;;) {
        if (this.#isClosed) throw closed()
        const vectors = await this.#leastBusy().encode(texts)
        // A batch that was waiting when its thread died has done nothing wrong.
        if (vectors !== NOT_BEGUN) return vectors
      }
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#threads.map(thread => thread.close()))
  }

  /** A thread that died is replaced here, where it is missed. */
  #leastBusy(): EncodeThread {
    this.#threads.forEach((thread, i) => {
      if (!thread.isAlive) this.#threads[i] = this.#startThread()
    })
    return this.#threads.reduce((a, b) => (b.numRequests < a.numRequests ? b : a))
  }
}

const NOT_BEGUN = Symbol('not begun')
type Outcome = Vector[] | typeof NOT_BEGUN

interface Pending {
  resolve(outcome: Outcome): void
  reject(error: EsplanadeError): void
}

/** A worker, which answers its requests one after the other. */
class EncodeThread {
  /** Rejected where the model does not open in it. */
  readonly opened: Promise<void>
  readonly #worker: Worker
  readonly #exit: Promise<void>
  readonly #pending: Pending[] = []
  #open: { resolve(): void; reject(error: EsplanadeError): void } | undefined
  #isAlive = true
  #isClosing = false

  constructor(file: string, workerData: EncodeWorkerData) {
    this.#worker = new Worker(file, { workerData, execArgv: [], name: 'esplanade encoder' })
    this.#worker.on('message', (answer: EncodeAnswer) => this.#receive(answer))
    this.#worker.on('error', error => this.#died(`: ${error.message}`, error))
    this.#exit = new Promise(resolve => {
      this.#worker.on('exit', code => {
        this.#died(` with code ${code}`)
        resolve()
      })
    })
    this.opened = new Promise((resolve, reject) => {
      this.#open = { resolve, reject }
    })
    // Where a thread was replaced, its first request is told.
    this.opened.catch(() => undefined)
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get numRequests(): number {
    return this.#pending.length
  }

  async encode(texts: readonly Uint32Array[]): Promise<Outcome> {
    this.#worker.ref()
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.push({ resolve, reject })
        this.#worker.postMessage(texts satisfies EncodeRequest)
      })
    } finally {
      // An idle thread keeps no program from ending.
      if (this.#pending.length === 0) this.#worker.unref()
    }
  }

  async close(): Promise<void> {
    if (!this.#isAlive) return
    this.#isClosing = true
    this.#worker.ref()
    this.#worker.postMessage(undefined satisfies EncodeRequest)
    await this.#exit
  }

  #receive(answer: EncodeAnswer): void {
    if ('isOpen' in answer) {
      this.#open?.resolve()
      this.#open = undefined
      if (this.#pending.length === 0) this.#worker.unref()
    } else if ('vectors' in answer) this.#pending.shift()?.resolve(unpacked(answer.vectors))
    else this.#fail(errorOf(answer))
  }

  /** Fails what is being done: the opening, else the first request. */
  #fail(error: EsplanadeError): void {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) this.#pending.shift()?.reject(error)
    else {
      // It is of no use: the worker ends by itself.
      this.#isAlive = false
      open.reject(error)
      for (const request of this.#pending.splice(0)) request.reject(error)
    }
  }

  #died(how: string, cause?: unknown): void {
    if (!this.#isAlive) return
    this.#fail(this.#isClosing ? closed() : died(how, cause))
    this.#isAlive = false
    for (const request of this.#pending.splice(0)) request.resolve(NOT_BEGUN)
  }
}

function unpacked({ isDense, terms, weights, ends }: PostedVectors): Vector[] {
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1]!
    if (isDense) return weights.slice(start, end)
    return { terms: terms.slice(start, end), weights: weights.slice(start, end) }
  })
}

/** The same plan with its bytes in memory that threads share. */
function shared<T>(value: T): T {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    const copy = new Uint8Array(new SharedArrayBuffer(byteLength))
    copy.set(new Uint8Array(buffer, byteOffset, byteLength))
    const View = value.constructor as new (buffer: SharedArrayBuffer) => T
    return new View(copy.buffer)
  }
  if (Array.isArray(value)) return value.map(shared) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shared(part)])) as T
}

function errorOf(answer: Extract<EncodeAnswer, { refused: unknown } | { failed: unknown }>) {
  if ('refused' in answer) return new EsplanadeError(answer.refused.code, answer.refused)
  return new EsplanadeError('RUNTIME_FAILED', {
    problem: `a thread that encodes failed: ${answer.failed}`,
    remedy: 'Report this as a bug'
  })
}

function died(how: string, cause: unknown): EsplanadeError {
  return new EsplanadeError('RUNTIME_FAILED', {
    problem: `a thread that encodes ended${how}`,
    remedy: 'If memory ran out, use fewer workers or encode fewer tokens at a time',
    cause
  })
}

function closed(): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: 'the encoder was closed while it encoded',
    remedy: 'Wait for what is being encoded before close'
  })
}

/** A worker starts from a file, and only the built package has one. */
function builtWorker(): string {
  const manifest = createRequire(import.meta.url).resolve('esplanade/package.json')
  return join(dirname(manifest), 'dist/node/encode-worker.js')
}
