import type { BatchEncoder } from './batch-encoder.ts'
import { Float32Encoder } from './float32-encoder.ts'
import { createSession } from './session.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** A graph with a pooling head, all of it in float32. */
export interface Float32Plan {
  readonly precision: 'float32'
  /** A serialised ONNX graph: ids and mask in, one number a term out. */
  readonly graph: Uint8Array
  readonly head: SpladeHead
  readonly padId: number
}

/**
 * What a {@link BatchEncoder} is made of: a plain value of numbers, texts and typed arrays, so that
 * it can be handed to another thread. Each kind of encoder is a member of its own.
 */
export type BatchEncoderPlan = Float32Plan

/**
 * Makes the encoder of a plan.
 *
 * @param numThreads - threads of the runtime; default: it decides, usually one a core
 * @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED`
 */
export async function openBatchEncoder(
  plan: BatchEncoderPlan,
  numThreads: number | undefined
): Promise<BatchEncoder> {
  return new Float32Encoder(await createSession(plan.graph, numThreads), plan.head, plan.padId)
}
