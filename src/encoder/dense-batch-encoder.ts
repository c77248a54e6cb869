import type { DenseVector } from '../vector/dense-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { type DenseHead, poolStates, unit } from './dense-pooling.ts'
import { notFinite } from './float32-encoder.ts'
import { feedsFor, type ReadyPorts } from './ready-onnx-ports.ts'
import { createSession, type Device, type ExternalData, type InferenceSession } from './session.ts'
import { tokenBatch } from './token-batch.ts'

/** Which output of a graph is read. */
export interface StatesPort {
  readonly name: string
  /** One vector a text, `[batch, size]`; else a state for every token, `[batch, length, size]`. */
  readonly isPooled: boolean
  readonly size: number
}

/**
 * What a dense encoder is made of: a plain value, so that it can be handed to another thread. The graph
 * was made here from weights, or by others.
 */
export interface DensePlan {
  readonly kind: 'dense'
  readonly graph: Uint8Array
  readonly externalData: readonly ExternalData[]
  readonly ports: ReadyPorts
  readonly output: StatesPort
  readonly head: DenseHead
  readonly padId: number
  /** Where the graph runs; default `'cpu'`. */
  readonly device?: Device | undefined
}

/**
 * Runs a transformer and pools the states of its tokens. Pooling is done here rather than in the graph:
 * it is a thousandth of the work, and so it is the same for graphs that others made.
 */
export class DenseBatchEncoder implements BatchEncoder<DenseVector> {
  readonly concurrency = 1
  readonly #session: InferenceSession
  readonly #plan: DensePlan

  private constructor(session: InferenceSession, plan: DensePlan) {
    this.#session = session
    this.#plan = plan
  }

  /** @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED` */
  static async open(plan: DensePlan, numThreads: number | undefined): Promise<DenseBatchEncoder> {
    const { graph, externalData, device, ...use } = plan
    const session = await createSession(graph, numThreads, { externalData, device })
    // The session has the graph for itself.
    return new DenseBatchEncoder(session, { ...use, graph: new Uint8Array(), externalData: [] })
  }

  async encode(texts: readonly Uint32Array[]): Promise<DenseVector[]> {
    const { isMasked, isSingle } = this.#plan.ports
    if (isMasked && !isSingle) return this.#encodeGroup(texts)
    const vectors: DenseVector[] = []
    for (const text of texts) vectors.push(...(await this.#encodeGroup([text])))
    return vectors
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #encodeGroup(texts: readonly Uint32Array[]): Promise<DenseVector[]> {
    const { ports, output, padId } = this.#plan
    const batch = tokenBatch(texts, padId, ports.fixedLength)
    const outputs = await this.#session.run(feedsFor(ports, batch))
    const values = outputs[output.name]!.data as Float32Array
    return texts.map(({ length }, row) =>
      checked(this.#vectorOf(values, row, length, batch.length))
    )
  }

  #vectorOf(values: Float32Array, row: number, numTokens: number, length: number): DenseVector {
    const { output, head } = this.#plan
    const { size } = output
    if (output.isPooled) {
      const vector = values.slice(row * size, (row + 1) * size)
      return head.normalize ? unit(Float64Array.from(vector)) : vector
    }
    const start = row * length * size
    return poolStates(values.subarray(start, start + numTokens * size), size, head)
  }
}

function checked(vector: DenseVector): DenseVector {
  const wrong = vector.findIndex(value => !Number.isFinite(value))
  if (wrong < 0) return vector
  throw notFinite(`${vector[wrong]} for dimension ${wrong}`)
}
