import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { toSparse } from './float32-encoder.ts'
import type { Int8Decoder } from './int8-decoder.ts'
import { Screen, type ScreenedText, type ScreenPlan } from './screen.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** A {@link Screen}, taken at its word. */
export interface Int8Plan extends ScreenPlan {
  readonly precision: 'int8'
  readonly head: SpladeHead
}

/**
 * Takes the logits of the screen for the logits: the fastest, and weights are off by what rounding
 * did to them.
 */
export class Int8Encoder implements BatchEncoder {
  readonly concurrency = 1
  readonly #screen: Screen
  readonly #head: SpladeHead

  private constructor(screen: Screen, head: SpladeHead) {
    this.#screen = screen
    this.#head = head
  }

  /** @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED` */
  static async open(plan: Int8Plan, numThreads: number | undefined): Promise<Int8Encoder> {
    return new Int8Encoder(await Screen.open(plan, numThreads), plan.head)
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const screened = await this.#screen.run(texts)
    return screened.texts.map(text =>
      toSparse(screenedLogits(text, this.#screen.decoder), this.#head)
    )
  }

  async close(): Promise<void> {
    await this.#screen.close()
  }
}

/** The largest logit of each term, about. */
function screenedLogits({ largest, step }: ScreenedText, decoder: Int8Decoder): Float32Array {
  const { steps, bias } = decoder
  const logits = new Float32Array(largest.length)
  for (let termId = 0; termId < logits.length; termId++) {
    logits[termId] = largest[termId]! * step * steps[termId]! + bias[termId]!
  }
  return logits
}
