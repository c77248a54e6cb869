import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { candidatesOf } from './candidates.ts'
import { toSparse } from './float32-encoder.ts'
import { RESCORE_PORTS } from './rescore-graph.ts'
import { Screen, type ScreenPlan } from './screen.ts'
import {
  createSession,
  type GraphModel,
  type InferenceSession,
  type RuntimeTensor
} from './session.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** A {@link Screen}, and the exact logits of the terms that it lets through. */
export interface MixedPlan extends ScreenPlan {
  readonly precision: 'mixed'
  /** A serialised graph: states and terms in, logits out; see `rescore-graph.ts`. */
  readonly rescore: GraphModel
  readonly head: SpladeHead
}

/** Bounds the rows of the decoder that are looked up at once: 16 MB of float32. */
const MAX_ROW_FLOATS = 4_194_304

/**
 * Screens the vocabulary in whole numbers, then works out the terms that may be above zero in
 * float32: their weights are those of {@link Float32Encoder} but for the order of summation.
 */
export class MixedEncoder implements BatchEncoder {
  readonly concurrency = 1
  readonly #screen: Screen
  readonly #rescore: InferenceSession
  readonly #head: SpladeHead

  private constructor(screen: Screen, rescore: InferenceSession, head: SpladeHead) {
    this.#screen = screen
    this.#rescore = rescore
    this.#head = head
  }

  /** @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED` */
  static async open(plan: MixedPlan, numThreads: number | undefined): Promise<MixedEncoder> {
    const screen = await Screen.open(plan, 'passes', numThreads)
    return new MixedEncoder(screen, await createSession(plan.rescore, numThreads), plan.head)
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const { states, output } = await this.#screen.run(texts)
    const candidates = candidatesOf(output.data as Uint8Array, texts.length)
    const logits = await this.#logits(states, candidates)
    return candidates.map((terms, row) => toSparse(logits[row]!, this.#head, terms))
  }

  async close(): Promise<void> {
    await this.#screen.close()
    await this.#rescore.close()
  }

  /** The largest logit of each candidate of each text. */
  async #logits(
    states: RuntimeTensor,
    candidates: readonly (readonly number[])[]
  ): Promise<Float32Array[]> {
    const logits = candidates.map(terms => new Float32Array(terms.length))
    const most = logits.reduce((a, { length }) => Math.max(a, length), 0)
    const [numTexts, length, hiddenSize] = states.dims as [number, number, number]
    const perTerm = numTexts * Math.max(length, hiddenSize)
    const step = Math.max(1, Math.min(most, Math.floor(MAX_ROW_FLOATS / perTerm)))
    for (let start = 0; start < most; start += step) {
      const terms = new Int32Array(numTexts * step)
      candidates.forEach((all, row) => {
        terms.set(all.slice(start, start + step), row * step)
      })
      const outputs = await this.#rescore.run({
        [RESCORE_PORTS.states]: states,
        [RESCORE_PORTS.terms]: { type: 'int32', data: terms, dims: [numTexts, step] }
      })
      const found = outputs[RESCORE_PORTS.largest]!.data as Float32Array
      logits.forEach((own, row) => {
        const end = Math.min(own.length, start + step)
        if (start < end) own.set(found.subarray(row * step, row * step + end - start), start)
      })
    }
    return logits
  }
}
