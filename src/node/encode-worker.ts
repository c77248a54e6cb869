import { parentPort, workerData } from 'node:worker_threads'
import { openBatchEncoder } from '../encoder/open-batch-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type {
  EncodeAnswer,
  EncodeRequest,
  EncodeWorkerData,
  PostedVectors
} from './encode-threads.ts'

/** A thread of `LoadOptions.numWorkers`: it encodes batches with a session of its own. */

const port = parentPort!
const { plan, numThreads } = workerData as EncodeWorkerData

/** Requests are answered in their order. */
let last: Promise<void> = Promise.resolve()

try {
  const encoder = await openBatchEncoder(plan, numThreads)
  port.on('message', (texts: EncodeRequest) => {
    last = last.then(async () => {
      if (texts !== undefined) return post(() => encoder.encode(texts))
      await encoder.close()
      port.close()
    })
  })
  port.postMessage({ isOpen: true } satisfies EncodeAnswer)
} catch (error) {
  port.postMessage(failure(error))
}

async function post(encode: () => Promise<SparseVector[]>): Promise<void> {
  try {
    const vectors = packed(await encode())
    const transferred = [vectors.terms.buffer, vectors.weights.buffer]
    port.postMessage({ vectors } satisfies EncodeAnswer, transferred)
  } catch (error) {
    port.postMessage(failure(error))
  }
}

function packed(vectors: readonly SparseVector[]): PostedVectors {
  const length = vectors.reduce((sum, { terms }) => sum + terms.length, 0)
  const terms = new Uint32Array(length)
  const weights = new Float32Array(length)
  let end = 0
  const ends = vectors.map(vector => {
    terms.set(vector.terms, end)
    weights.set(vector.weights, end)
    end += vector.terms.length
    return end
  })
  return { terms, weights, ends }
}

function failure(error: unknown): EncodeAnswer {
  if (!(error instanceof EsplanadeError)) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  const { code, place, problem, expected, remedy } = error
  return { refused: { code, place, problem, expected, remedy } }
}
