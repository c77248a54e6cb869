import { EsplanadeError } from '../errors.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { checkedCount } from './checked-count.ts'
import { type BatchEncoderPlan, openBatchEncoder } from './open-batch-encoder.ts'

/** Threads that encode side by side. */
export interface EncodeThreadsOptions {
  readonly numWorkers: number
  /** Threads of the runtime in each of them. */
  readonly numThreads: number
}

/** Starts worker threads that each make the encoder of a plan; together they are one encoder. */
export type StartEncodeThreads = (
  plan: BatchEncoderPlan,
  options: EncodeThreadsOptions
) => Promise<BatchEncoder>

let start: StartEncodeThreads | undefined

/** The platform's threads, handed in by an entry point. */
export function provideEncodeThreads(starter: StartEncodeThreads): void {
  start = starter
}

/**
 * Makes the encoder of a plan, in this thread or, where `numWorkers` is given, in so many others.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where no threads are to be had; `RUNTIME_MISSING`,
 * `RUNTIME_FAILED`
 */
export async function openEncoder(
  plan: BatchEncoderPlan,
  options: { readonly numWorkers?: number; readonly numThreads?: number }
): Promise<BatchEncoder> {
  const { numThreads } = options
  const numWorkers = checkedCount('numWorkers', options.numWorkers ?? 0, 0, 1024)
  if (numThreads !== undefined) checkedCount('numThreads', numThreads, 1, 1024)
  if (numWorkers === 0) return openBatchEncoder(plan, numThreads)
  if (start !== undefined) return start(plan, { numWorkers, numThreads: numThreads ?? 1 })
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'numWorkers',
    problem: `given ${numWorkers}, and this platform has no worker threads`,
    expected: '0',
    remedy: 'Leave numWorkers out'
  })
}
