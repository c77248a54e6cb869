import { parentPort, workerData } from 'node:worker_threads'
import { openHere } from '../encoder/threads.ts'
import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
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
const NO_TERMS = new Uint32Array()

/** Requests are answered in their order. */
let last: Promise<void> = Promise.resolve()

try {
  const encoder = await openHere(plan, numThreads)
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

async function post(encode: () => Promise<(SparseVector | DenseVector)[]>): Promise<void> {
  try {
    const vectors = packed(await encode())
    const transferred = [vectors.terms.buffer, vectors.weights.buffer]
    port.postMessage({ vectors } satisfies EncodeAnswer, transferred)
  } catch (error) {
    port.postMessage(failure(error))
  }
}

/** A dense vector is one of weights without terms. */
function packed(vectors: readonly (SparseVector | DenseVector)[]): PostedVectors {
  const isDense = vectors[0] instanceof Float32Array
  const parts = vectors.map(vector =>
    vector instanceof Float32Array ? { terms: NO_TERMS, weights: vector } : vector
  )
  const length = parts.reduce((sum, part) => sum + part.weights.length, 0)
  const terms = new Uint32Array(isDense ? 0 : length)
  const weights = new Float32Array(length)
  let end = 0
  const ends = parts.map(part => {
    if (!isDense) terms.set(part.terms, end)
    weights.set(part.weights, end)
    end += part.weights.length
    return end
  })
  return { isDense, terms, weights, ends }
}

function failure(error: unknown): EncodeAnswer {
  if (!(error instanceof EsplanadeError)) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  const { code, place, problem, expected, remedy } = error
  return { refused: { code, place, problem, expected, remedy } }
}
