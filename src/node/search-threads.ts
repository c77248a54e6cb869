import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
import type { IndexRanking, IndexSelection } from '../search/index-searcher.ts'
import type { LookedUpQuery } from '../search/query-terms.ts'
import type { SearchThreads } from '../search/threads.ts'
import type { Segment } from '../segment/segment.ts'
import type { SegmentHead } from '../segment/segment-reader.ts'

/** What a worker is started with. */
export interface WorkerSegments {
  readonly segments: readonly {
    readonly memory: WebAssembly.Memory
    readonly head: Pick<SegmentHead, 'header' | 'sections' | 'fileBytes'>
    /** Where the scratch of this worker begins. */
    readonly scratch: number
  }[]
}

/** A part of the queries, and the answer to it. */
export interface WorkerRequest {
  readonly queries: readonly LookedUpQuery[]
  readonly selection: Omit<IndexSelection, 'filter'> & {
    readonly filter: { numDocuments: number; bits: Uint8Array } | undefined
  }
}

/** A thread cannot pass an error of ours on as such: its details go over instead. */
export type WorkerAnswer =
  | { readonly rankings: IndexRanking[] }
  | { readonly refused: ErrorDetails & { readonly code: ErrorCode } }
  | { readonly error: unknown }

/** Parts a thread gets, so that none waits long for the others. */
const PARTS_PER_THREAD = 8

/** Starts worker threads that share the memory of the segments. */
export function startSearchThreads(
  segments: readonly Segment[],
  numThreads: number
): SearchThreads {
  return new NodeSearchThreads(segments, numThreads)
}

class NodeSearchThreads implements SearchThreads {
  readonly numThreads: number
  readonly #workers: readonly Worker[]
  readonly #scratches: { readonly segment: Segment; readonly start: number }[] = []
  /** Calls follow each other: each worker has one answer under way. */
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(segments: readonly Segment[], numThreads: number) {
    this.numThreads = numThreads
    this.#workers = Array.from({ length: numThreads }, () => {
      const workerData: WorkerSegments = {
        segments: segments.map(segment => ({
          memory: segment.memory.shared!,
          head: {
            header: segment.header,
            sections: segment.sections,
            fileBytes: segment.fileBytes
          },
          scratch: this.#scratchOf(segment)
        }))
      }
      const worker = new Worker(workerFile(), { workerData, execArgv: [] })
      // The threads keep no program from ending; `search` holds it while they work.
      worker.unref()
      return worker
    })
  }

  search(
    queries: readonly LookedUpQuery[],
    selection: IndexSelection,
    signal: AbortSignal | undefined,
    onProgress: ((numDone: number) => void) | undefined
  ): Promise<IndexRanking[]> {
    const call = this.#last.then(() => this.#search(queries, selection, signal, onProgress))
    this.#last = call.catch(() => undefined)
    return call
  }

  async retire(): Promise<void> {
    await this.#last
    await this.close()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#workers.map(worker => worker.terminate()))
    for (const { segment, start } of this.#scratches.splice(0)) segment.memory.freeScratch(start)
  }

  #scratchOf(segment: Segment): number {
    const start = segment.memory.addScratch(segment.header)
    this.#scratches.push({ segment, start })
    return start
  }

  async #search(
    queries: readonly LookedUpQuery[],
    { filter, ...selection }: IndexSelection,
    signal: AbortSignal | undefined,
    onProgress: ((numDone: number) => void) | undefined
  ): Promise<IndexRanking[]> {
    if (this.#closed) throw closed()
    const rankings = new Array<IndexRanking>(queries.length)
    const bits = filter && { numDocuments: filter.numDocuments, bits: filter.bits }
    const step = Math.max(1, Math.ceil(queries.length / (PARTS_PER_THREAD * this.numThreads)))
    let next = 0
    let numDone = 0
    const work = async (worker: Worker): Promise<void> => {
      while (next < queries.length) {
        if (this.#closed) throw closed()
        if (signal?.aborted) throw aborted(signal)
        const first = next
        next += step
        const part = queries.slice(first, first + step)
        const answer = await ask(worker, {
          queries: part,
          selection: { ...selection, filter: bits }
        })
        for (const [i, ranking] of answer.entries()) rankings[first + i] = ranking
        numDone += part.length
        onProgress?.(numDone)
      }
    }
    for (const worker of this.#workers) worker.ref()
    try {
      await settled(this.#workers.map(work))
    } finally {
      for (const worker of this.#workers) worker.unref()
    }
    return rankings
  }
}

/** Waits for all, then throws the first error: no answer is under way afterwards. */
async function settled(tasks: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(tasks)) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
}

function ask(worker: Worker, request: WorkerRequest): Promise<IndexRanking[]> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
    }
    const onMessage = (answer: WorkerAnswer): void => {
      end()
      if ('refused' in answer) reject(new EsplanadeError(answer.refused.code, answer.refused))
      else if ('error' in answer) reject(answer.error)
      else resolve(answer.rankings)
    }
    const onError = (error: Error): void => {
      end()
      reject(error)
    }
    const onExit = (): void => {
      end()
      reject(closed())
    }
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage(request)
  })
}

function aborted(signal: AbortSignal): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: 'the search was stopped by its signal',
    cause: signal.reason
  })
}

function closed(): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: 'the index was closed while its threads searched',
    remedy: 'Wait for searchMany before close'
  })
}

/** A worker starts from a file, and only the built package has one. */
function workerFile(): string {
  const manifest = createRequire(import.meta.url).resolve('esplanade/package.json')
  return join(dirname(manifest), 'dist/node/search-worker.js')
}
