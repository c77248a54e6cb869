import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { rowsToSparse } from './float32-encoder.ts'
import { Screen, type ScreenPlan } from './screen.ts'
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
    return new Int8Encoder(await Screen.open(plan, 'logits', numThreads), plan.head)
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const { output } = await this.#screen.run(texts)
    return rowsToSparse(output.data as Float32Array, texts.length, this.#head)
  }

  async close(): Promise<void> {
    await this.#screen.close()
  }
}
