import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { checkedCount } from './checked-count.ts'
import { DenseBatchEncoder, type DensePlan } from './dense-batch-encoder.ts'
import { type BatchEncoderPlan, openBatchEncoder } from './open-batch-encoder.ts'

/** Threads that encode side by side. */
export interface EncodeThreadsOptions {
  readonly numWorkers: number
  /** Threads of the runtime in each of them. */
  readonly numThreads: number
}

/** What an encoder of batches is made of, whichever vectors it gives. */
export type EncoderPlan = BatchEncoderPlan | DensePlan

/** Starts worker threads that each make the encoder of a plan; together they are one encoder. */
export type StartEncodeThreads = (
  plan: EncoderPlan,
  options: EncodeThreadsOptions
) => Promise<BatchEncoder<SparseVector | DenseVector>>

let start: StartEncodeThreads | undefined

/** The platform's threads, handed in by an entry point. */
export function provideEncodeThreads(starter: StartEncodeThreads): void {
  start = starter
}

/** How many threads encode. */
interface ThreadOptions {
  readonly numWorkers?: number
  readonly numThreads?: number
}

/**
 * Makes the encoder of a plan, in this thread or, where `numWorkers` is given, in so many others.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where no threads are to be had; `RUNTIME_MISSING`,
 * `RUNTIME_FAILED`
 */
export async function openEncoder(
  plan: BatchEncoderPlan,
  options: ThreadOptions
): Promise<BatchEncoder> {
  return (await openPlan(plan, options)) as BatchEncoder
}

/** {@link openEncoder} of dense vectors. */
export async function openDenseEncoder(
  plan: DensePlan,
  options: ThreadOptions
): Promise<BatchEncoder<DenseVector>> {
  return (await openPlan(plan, options)) as BatchEncoder<DenseVector>
}

/** Makes the encoder of a plan in this thread. */
export function openHere(
  plan: EncoderPlan,
  numThreads: number | undefined
): Promise<BatchEncoder<SparseVector | DenseVector>> {
  return 'kind' in plan
    ? DenseBatchEncoder.open(plan, numThreads)
    : openBatchEncoder(plan, numThreads)
}

async function openPlan(
  plan: EncoderPlan,
  options: ThreadOptions
): Promise<BatchEncoder<SparseVector | DenseVector>> {
  const { numThreads } = options
  const numWorkers = checkedCount('numWorkers', options.numWorkers ?? 0, 0, 1024)
  if (numThreads !== undefined) checkedCount('numThreads', numThreads, 1, 1024)
  if (numWorkers === 0) return openHere(plan, numThreads)
  if (start !== undefined) return start(plan, { numWorkers, numThreads: numThreads ?? 1 })
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'numWorkers',
    problem: `given ${numWorkers}, and this platform has no worker threads`,
    expected: '0',
    remedy: 'Leave numWorkers out'
  })
}
