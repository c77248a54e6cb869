import { setPriority } from 'node:os'
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads'
import type { DenseEntries } from '../collection/build-dense.ts'
import { EsplanadeError } from '../errors.ts'
import { Columns } from '../filter/columns.ts'
import { provideHnsw } from '../search/hnsw-graph.ts'
import { LmdbStore } from './lmdb-store.ts'
import {
  type PostedDense,
  runSegmentJob,
  type SegmentJob,
  type SegmentJobResult,
  type WorkerAnswer,
  type WorkerMessage,
  type WorkerOptions,
  type WrittenSegment
} from './segment-jobs.ts'
import { loadUsearch } from './usearch-graph.ts'

/** The thread of `SegmentJobs`: it builds segments from the store, and writes their files. */

const port = parentPort!

provideHnsw(loadUsearch)

// With fewer cores than threads a search would wait for whole slices of time. Linux takes this as a
// wish of the thread, as which it is meant; other systems as one of the whole process.
const { niceness } = workerData as WorkerOptions
if (process.platform === 'linux') setPriority(niceness)

/** The store of the last job, most often that of the next. */
let open: { readonly path: string; readonly store: LmdbStore } | undefined
let underWay: Promise<void> = Promise.resolve()
let abort = new AbortController()

port.on('message', (message: WorkerMessage) => {
  if (message.kind === 'abort') {
    abort.abort()
  } else if (message.kind === 'job') {
    abort = new AbortController()
    underWay = answer(message.job, abort.signal)
  } else {
    void underWay.then(async () => {
      await open?.store.close()
      port.close()
    })
  }
})

async function answer(job: SegmentJob, signal: AbortSignal): Promise<void> {
  try {
    post(await runSegmentJob(await storeAt(job.paths.store), job, signal))
  } catch (error) {
    port.postMessage(failure(error))
  }
}

async function storeAt(path: string): Promise<LmdbStore> {
  if (open?.path === path) return open.store
  await open?.store.close()
  open = undefined
  open = { path, store: await LmdbStore.open(path, { readOnly: true }) }
  return open.store
}

/** The memory is shared; seqs, columns and dense vectors are handed over. */
function post({ state, made }: SegmentJobResult<WrittenSegment>): void {
  const transferred: TransferListItem[] = []
  let message: WorkerAnswer = { state, posted: undefined }
  if (made !== undefined) {
    const { record, segment } = made
    const columns = Columns.open(made.columns).sections
    const { header, sections, fileBytes } = segment
    const seqs = made.seqs.seqs as Float64Array<ArrayBuffer>
    const head = { header, sections, fileBytes }
    transferred.push(made.columns.buffer, seqs.buffer)
    const { shared: memory } = segment.memory
    const dense = made.dense && postedDense(made.dense)
    if (dense !== undefined) transferred.push(dense.bytes.buffer, dense.entryOf.buffer)
    if (dense?.graph !== undefined) transferred.push(dense.graph.links.buffer as ArrayBuffer)
    message = { state, posted: { record, head, memory, seqs, columns, dense } }
  }
  port.postMessage(message, transferred)
}

/** Undefined where there are no vectors. */
function postedDense({ rows, entryOf, graph }: DenseEntries): PostedDense | undefined {
  const { header, sections } = rows
  if (header.numVectors === 0) return undefined
  return { header, sections, bytes: Uint8Array.from(rows.bytes()), entryOf, graph }
}

function failure(error: unknown): WorkerAnswer {
  if (!(error instanceof EsplanadeError)) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  const { code, place, problem, expected, remedy } = error
  return { refused: { code, place, problem, expected, remedy } }
}
