import type { BatchEncoder } from './batch-encoder.ts'
import { Float32Encoder } from './float32-encoder.ts'
import { Int8Encoder, type Int8Plan } from './int8-encoder.ts'
import { MixedEncoder, type MixedPlan } from './mixed-encoder.ts'
import { ReadyOnnxEncoder, type ReadyOnnxPlan } from './ready-onnx.ts'
import { createSession, type Device, type GraphModel } from './session.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** A graph with a pooling head, all of it in float32. */
export interface Float32Plan {
  readonly precision: 'float32'
  /** A serialised ONNX graph: ids and mask in, one number a term out. */
  readonly graph: GraphModel
  readonly head: SpladeHead
  readonly padId: number
  /** Default `'cpu'`. */
  readonly device?: Device
}

/**
 * What a {@link BatchEncoder} is made of: a plain value of numbers, texts and typed arrays, so that
 * it can be handed to another thread. Each kind of encoder is a member of its own.
 */
export type BatchEncoderPlan = Float32Plan | MixedPlan | Int8Plan | ReadyOnnxPlan

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
  if (plan.precision === 'as-exported') {
    const { graph, externalData, device, ...use } = plan
    const settings = { externalData, device }
    return new ReadyOnnxEncoder(await createSession(graph, numThreads, settings), use)
  }
  if (plan.precision === 'mixed') return MixedEncoder.open(plan, numThreads)
  if (plan.precision === 'int8') return Int8Encoder.open(plan, numThreads)
  const { graph, head, padId, device } = plan
  return new Float32Encoder(await createSession(graph, numThreads, { device }), head, padId)
}
