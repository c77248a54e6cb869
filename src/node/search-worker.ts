import { parentPort, workerData } from 'node:worker_threads'
import { EsplanadeError } from '../errors.ts'
import { KernelMemory } from '../kernel/kernel-memory.ts'
import { DocumentSet } from '../search/document-set.ts'
import { IndexSearcher } from '../search/index-searcher.ts'
import { Segment } from '../segment/segment.ts'
import { SEGMENT_BASE } from '../segment/segment-writer.ts'
import type { WorkerAnswer, WorkerRequest, WorkerSegments } from './search-threads.ts'

/** A thread of `searchMany`: the same search over the same memory, with a scratch of its own. */

const { segments } = workerData as WorkerSegments
const searcher = new IndexSearcher(
  segments.map(
    ({ memory, head }) =>
      new Segment({
        ...head,
        metadata: {},
        memory: KernelMemory.attach(memory),
        base: SEGMENT_BASE
      })
  ),
  segments.map(({ scratch }) => scratch)
)

/** The filter of the call before, most often that of this one: its bits stand in the scratch. */
let known: DocumentSet | undefined

parentPort!.on('message', ({ queries, selection }: WorkerRequest) => {
  let answer: WorkerAnswer
  try {
    const filter = filterOf(selection.filter)
    answer = { rankings: queries.map(query => searcher.search(query, { ...selection, filter })) }
  } catch (error) {
    answer = error instanceof EsplanadeError ? { refused: detailsOf(error) } : { error }
  }
  parentPort!.postMessage(answer)
})

function filterOf(filter: WorkerRequest['selection']['filter']): DocumentSet | undefined {
  if (filter === undefined) return undefined
  const { numDocuments, bits } = filter
  if (known === undefined || Buffer.compare(known.bits, bits) !== 0) {
    known = DocumentSet.fromBits(numDocuments, bits)
  }
  return known
}

function detailsOf({ code, place, problem, expected, remedy }: EsplanadeError) {
  return { code, place, problem, expected, remedy }
}
