import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DenseEntries } from '../collection/build-dense.ts'
import {
  type BuildSegmentOptions,
  type BuiltSegment,
  buildSegment
} from '../collection/build-segment.ts'
import { EntrySeqs } from '../collection/entry-key.ts'
import type { SegmentParts } from '../collection/open-segment.ts'
import type { SegmentRecord } from '../collection/segment-manifest.ts'
import type { DocumentStore, StoreState } from '../collection/store.ts'
import { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
import type { ColumnSections } from '../filter/column-table.ts'
import { Columns } from '../filter/columns.ts'
import { DenseMemory } from '../kernel/dense-memory.ts'
import { KernelMemory } from '../kernel/kernel-memory.ts'
import { DenseRows, FILE_BASE, scanScratch } from '../search/dense-rows.ts'
import type { HnswFile } from '../search/hnsw-format.ts'
import { Segment } from '../segment/segment.ts'
import type { SegmentHead } from '../segment/segment-reader.ts'
import { SEGMENT_BASE } from '../segment/segment-writer.ts'
import { type GenerationPaths, openSegmentFiles, writeSegmentFiles } from './collection-files.ts'

/** A segment to be made of the documents of a range: for a flush, a merge, a repair. */
export interface SegmentJob {
  readonly paths: GenerationPaths
  /** The name of its files, which no segment has had. */
  readonly file: string
  /** The least number of a document. */
  readonly first: number
  /** The greatest number, itself included. */
  readonly last: number
  readonly build: Omit<BuildSegmentOptions, 'signal'>
}

/** A segment whose files are written. */
export interface WrittenSegment extends BuiltSegment {
  readonly record: SegmentRecord
}

/** A segment whose files are written, and which is open. */
export interface FinishedSegment extends SegmentParts {
  readonly record: SegmentRecord
}

/** What came of a job. */
export interface SegmentJobResult<Made = FinishedSegment> {
  /** The store that was read: of removals after its `lastTombstone` the segment knows nothing. */
  readonly state: StoreState
  /** Undefined where no document of the range is alive. */
  readonly made: Made | undefined
}

/**
 * Does a job in this thread.
 *
 * @throws EsplanadeError what {@link buildSegment} and {@link writeSegmentFiles} throw
 */
export async function runSegmentJob(
  store: DocumentStore,
  { paths, file, first, last, build }: SegmentJob,
  signal?: AbortSignal
): Promise<SegmentJobResult<WrittenSegment>> {
  const snapshot = store.snapshot()
  try {
    const { state } = snapshot
    const built = await buildSegment(snapshot, first, last, { ...build, signal })
    if (built === undefined) return { state, made: undefined }
    return { state, made: { ...built, record: await writeSegmentFiles(paths, file, built) } }
  } finally {
    snapshot.close()
  }
}

/** What the worker is told. */
export type WorkerMessage =
  | { readonly kind: 'job'; readonly job: SegmentJob }
  | { readonly kind: 'abort' }
  /** The worker lets its store go and ends. */
  | { readonly kind: 'close' }

/** A segment on its way to another thread. */
export interface PostedSegment {
  readonly record: SegmentRecord
  readonly head: Pick<SegmentHead, 'header' | 'sections' | 'fileBytes'>
  /** Undefined where memory cannot be shared: the file is to be read. */
  readonly memory: WebAssembly.Memory | undefined
  readonly seqs: Float64Array<ArrayBuffer>
  /** Read and checked by the thread that wrote them: it would take the other one too long. */
  readonly columns: ColumnSections
  readonly dense: PostedDense | undefined
}

/** The dense vectors of a segment on their way to another thread, of which no memory is shared. */
export interface PostedDense extends Pick<DenseRows, 'header' | 'sections'> {
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly entryOf: Uint32Array<ArrayBuffer>
  readonly graph: HnswFile | undefined
}

/** A thread cannot pass an error of ours on as such: its details go over instead. */
export type WorkerAnswer =
  | { readonly state: StoreState; readonly posted: PostedSegment | undefined }
  | { readonly refused: ErrorDetails & { readonly code: ErrorCode } }
  | { readonly failed: string }

/** What the worker is started with. */
export interface WorkerOptions {
  /** How much it lets other threads go first: 0 not at all, 19 the most. Heeded on Linux. */
  readonly niceness: number
}

/** How {@link SegmentJobs} works. */
export interface SegmentJobsOptions extends Partial<WorkerOptions> {
  /** What the worker runs. Default: `segment-worker.js` of the built package. */
  readonly workerFile?: string
}

/**
 * Does jobs in a worker thread, one after the other. The thread starts with the first job, reads the
 * store through an LMDB environment of its own, and stays for the next; it keeps no program from
 * ending while it has nothing to do. One that died is replaced at the next job.
 */
export class SegmentJobs {
  readonly #workerFile: string | undefined
  readonly #options: WorkerOptions
  #thread: JobThread | undefined
  /** Jobs follow each other. */
  #last: Promise<unknown> = Promise.resolve()
  #closing: AbortController = new AbortController()

  constructor(options: SegmentJobsOptions = {}) {
    this.#workerFile = options.workerFile
    this.#options = { niceness: options.niceness ?? 0 }
  }

  /**
   * Does a job when those before it are done.
   *
   * @throws EsplanadeError `ABORTED` by the signal or by {@link SegmentJobs.close}; `FILE_UNWRITABLE`,
   *   `COLLECTION_CORRUPT`; an Error when the thread died
   */
  run(job: SegmentJob, signal?: AbortSignal): Promise<SegmentJobResult> {
    const either = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])])
    const result = this.#last.then(() => this.#run(job, either))
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Stops what is under way, and ends the thread. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the collection is being closed'))
    await this.#last
    await this.#thread?.close()
    this.#thread = undefined
  }

  async #run(job: SegmentJob, signal: AbortSignal): Promise<SegmentJobResult> {
    if (signal.aborted) throw aborted(signal)
    if (!this.#thread?.isAlive) {
      this.#thread = new JobThread(this.#workerFile ?? workerFile(), this.#options)
    }
    const answer = await this.#thread.ask(job, signal)
    if ('failed' in answer) throw new Error(`a segment could not be made: ${answer.failed}`)
    if ('refused' in answer) {
      const { refused } = answer
      if (refused.code === 'ABORTED') throw aborted(signal)
      throw new EsplanadeError(refused.code, refused)
    }
    const { state, posted } = answer
    return { state, made: posted && (await received(job, posted)) }
  }
}

/** A segment from another thread: the same memory, with a kernel of this thread. */
async function received(
  { paths, build }: SegmentJob,
  { record, head, memory, seqs, columns, dense }: PostedSegment
): Promise<FinishedSegment> {
  if (memory === undefined) {
    return { record, ...(await openSegmentFiles(paths, record, build.dense)) }
  }
  const attached = KernelMemory.attach(memory)
  const segment = new Segment({ ...head, metadata: {}, memory: attached, base: SEGMENT_BASE })
  return {
    record,
    segment,
    seqs: new EntrySeqs(seqs, record.numDocuments),
    columns: Columns.of(columns),
    dense: dense && (await receivedDense(dense))
  }
}

/** Copied in slices of so many bytes: searches come in between. */
const SLICE_BYTES = 2 ** 21

async function receivedDense(posted: PostedDense): Promise<DenseEntries> {
  const { header, sections, bytes, entryOf, graph } = posted
  const memory = new DenseMemory(scanScratch(header, bytes.length).end)
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    memory.views.u8.set(bytes.subarray(at, at + SLICE_BYTES), FILE_BASE + at)
    await new Promise(resolve => setImmediate(resolve))
  }
  const fileBytes = bytes.length
  const rows = new DenseRows({ header, metadata: {}, memory, fileBytes, sections })
  return { rows, entryOf, graph }
}

/** The worker, and the one job that it may have. */
class JobThread {
  readonly #worker: Worker
  readonly #exit: Promise<void>
  #isAlive = true
  #pending: { resolve(answer: WorkerAnswer): void; reject(error: unknown): void } | undefined

  constructor(file: string, workerData: WorkerOptions) {
    this.#worker = new Worker(file, { workerData, execArgv: [], name: 'esplanade segments' })
    this.#worker.unref()
    this.#worker.on('message', (answer: WorkerAnswer) => this.#pending?.resolve(answer))
    this.#worker.on('error', cause => this.#died(`: ${cause.message}`, cause))
    this.#exit = new Promise(resolve => {
      this.#worker.on('exit', code => {
        this.#died(` with code ${code}`)
        resolve()
      })
    })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  async ask(job: SegmentJob, signal: AbortSignal): Promise<WorkerAnswer> {
    const abort = (): void => this.#worker.postMessage({ kind: 'abort' } satisfies WorkerMessage)
    signal.addEventListener('abort', abort)
    this.#worker.ref()
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { resolve, reject }
        this.#worker.postMessage({ kind: 'job', job } satisfies WorkerMessage)
      })
    } finally {
      this.#pending = undefined
      this.#worker.unref()
      signal.removeEventListener('abort', abort)
    }
  }

  async close(): Promise<void> {
    if (!this.#isAlive) return
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'close' } satisfies WorkerMessage)
    await this.#exit
  }

  #died(how: string, cause?: unknown): void {
    this.#isAlive = false
    this.#pending?.reject(
      new Error(`the thread that makes segments ended${how}`, cause === undefined ? {} : { cause })
    )
  }
}

function aborted(signal: AbortSignal): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: 'the making of a segment was stopped by its signal',
    cause: signal.reason
  })
}

/** A worker starts from a file, and only the built package has one. */
function workerFile(): string {
  const manifest = createRequire(import.meta.url).resolve('esplanade/package.json')
  return join(dirname(manifest), 'dist/node/segment-worker.js')
}
