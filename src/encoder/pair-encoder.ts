import type { PairIds } from '../text/tokenizer.ts'
import { notFinite } from './float32-encoder.ts'
import { feedsFor, type ReadyPorts } from './ready-onnx-ports.ts'
import { createSession, type Device, type ExternalData, type InferenceSession } from './session.ts'
import { type TokenBatch, tokenBatch } from './token-batch.ts'

/** What a {@link PairEncoder} is made of. The graph was made here from weights, or by others. */
export interface PairPlan {
  readonly graph: Uint8Array
  readonly externalData: readonly ExternalData[]
  readonly ports: ReadyPorts
  /** The output that is read, `[batch, numLabels]`. */
  readonly output: { readonly name: string; readonly numLabels: number }
  readonly padId: number
}

/** Runs a sequence classifier on pairs of texts. */
export class PairEncoder {
  readonly #session: InferenceSession
  readonly #plan: Omit<PairPlan, 'graph' | 'externalData'>

  private constructor(
    session: InferenceSession,
    { ports, output, padId }: Omit<PairPlan, 'graph' | 'externalData'>
  ) {
    this.#session = session
    this.#plan = { ports, output, padId }
  }

  /** @throws EsplanadeError `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT` for a device */
  static async open(
    plan: PairPlan,
    numThreads: number | undefined,
    device: Device | undefined
  ): Promise<PairEncoder> {
    const { graph, externalData } = plan
    return new PairEncoder(await createSession(graph, numThreads, { externalData, device }), plan)
  }

  /**
   * @param pairs - never an empty list
   * @returns the logits of each pair, one a label
   * @throws EsplanadeError `RUNTIME_FAILED`, also for numbers that are not finite
   */
  async logits(pairs: readonly PairIds[]): Promise<Float32Array[]> {
    const { isMasked, isSingle } = this.#plan.ports
    if (isMasked && !isSingle) return this.#run(pairs)
    const all: Float32Array[] = []
    for (const pair of pairs) all.push(...(await this.#run([pair])))
    return all
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #run(pairs: readonly PairIds[]): Promise<Float32Array[]> {
    const { ports, output, padId } = this.#plan
    const outputs = await this.#session.run(
      feedsFor(ports, pairBatch(pairs, padId, ports.fixedLength))
    )
    const values = outputs[output.name]!.data as Float32Array
    return pairs.map((_, row) => {
      const logits = values.slice(row * output.numLabels, (row + 1) * output.numLabels)
      const wrong = logits.find(value => !Number.isFinite(value))
      if (wrong !== undefined) throw notFinite(`the logit ${wrong} for a pair`)
      return logits
    })
  }
}

function pairBatch(
  pairs: readonly PairIds[],
  padId: number,
  minLength: number | undefined
): TokenBatch {
  const ids = pairs.map(pair => pair.ids)
  const batch = tokenBatch(ids, padId, minLength)
  const types = new Int32Array(batch.ids.length)
  for (const [row, pair] of pairs.entries()) types.set(pair.types, row * batch.length)
  return { ...batch, types }
}
