import { notFinite } from './float32-encoder.ts'
import type { Int8Decoder } from './int8-decoder.ts'
import { buildScreenGraph, SCREEN_PORTS } from './screen-graph.ts'
import { createSession, type InferenceSession, type RuntimeTensor } from './session.ts'
import { feedsOf, GRAPH_PORTS, tokenBatch } from './token-batch.ts'

/** What a {@link Screen} is made of, a plain value. */
export interface ScreenPlan {
  /** A serialised graph: ids and mask in, states out; padding has the first token's. */
  readonly states: Uint8Array
  readonly decoder: Int8Decoder
  readonly padId: number
}

/** What the screen saw of a batch. */
export interface Screened {
  /** Float32 `[texts, length, hidden]`. */
  readonly states: RuntimeTensor
  /** One a text, in their order. */
  readonly texts: readonly ScreenedText[]
}

/**
 * A term's largest logit is about `largest[term] · step · decoder.steps[term] + decoder.bias[term]`.
 */
export interface ScreenedText {
  /** The largest product of a term's row with a state of the text, `[vocabulary]`. */
  readonly largest: Int32Array
  /** What one unit of the text's states is worth. */
  readonly step: number
  /** The length of the text's longest state. */
  readonly norm: number
}

/**
 * Products of a slice are written and read again at once, so they should stay in the L2 cache: for
 * 1,050 tokens, 192 terms take 806 kB.
 */
const SLICE_TERMS = 192

/** Up to so many tokens a batch, the number of slices costs more than the cache saves. */
const MAX_UNSLICED_TOKENS = 32

/** Runs a model up to its last layer in float32, and the last layer in whole numbers. */
export class Screen {
  readonly decoder: Int8Decoder
  readonly #states: InferenceSession
  readonly #padId: number
  readonly #numThreads: number | undefined
  /** By the terms of a slice, made when first needed. */
  readonly #sessions = new Map<number, Promise<InferenceSession>>()

  private constructor(
    states: InferenceSession,
    { decoder, padId }: ScreenPlan,
    numThreads: number | undefined
  ) {
    this.decoder = decoder
    this.#states = states
    this.#padId = padId
    this.#numThreads = numThreads
  }

  static async open(plan: ScreenPlan, numThreads: number | undefined): Promise<Screen> {
    return new Screen(await createSession(plan.states, numThreads), plan, numThreads)
  }

  /** @throws EsplanadeError `RUNTIME_FAILED`, also where a state is not finite */
  async run(texts: readonly Uint32Array[]): Promise<Screened> {
    const batch = tokenBatch(texts, this.#padId)
    const states = (await this.#states.run(feedsOf(batch)))[GRAPH_PORTS.output]!
    const isSmall = batch.ids.length <= MAX_UNSLICED_TOKENS
    const session = await this.#session(isSmall ? this.decoder.bias.length : SLICE_TERMS)
    const outputs = await session.run({ [SCREEN_PORTS.states]: states })
    const largest = outputs[SCREEN_PORTS.largest]!.data as Int32Array
    const steps = outputs[SCREEN_PORTS.step]!.data as Float32Array
    const squares = outputs[SCREEN_PORTS.squares]!.data as Float32Array
    const numTerms = this.decoder.bias.length
    return {
      states,
      texts: texts.map((_, row) => ({
        largest: largest.subarray(row * numTerms, (row + 1) * numTerms),
        step: steps[row]!,
        norm: largestNorm(squares.subarray(row * batch.length, (row + 1) * batch.length))
      }))
    }
  }

  async close(): Promise<void> {
    await this.#states.close()
    for (const session of this.#sessions.values()) await (await session).close()
    this.#sessions.clear()
  }

  #session(sliceTerms: number): Promise<InferenceSession> {
    const known = this.#sessions.get(sliceTerms)
    if (known !== undefined) return known
    const graph = buildScreenGraph(this.decoder, sliceTerms)
    const session = createSession(graph, this.#numThreads)
    this.#sessions.set(sliceTerms, session)
    return session
  }
}

/** Whole numbers know no NaN: what went wrong in the states is seen here, or nowhere. */
function largestNorm(squares: Float32Array): number {
  let largest = 0
  for (const square of squares) {
    if (!(square < Number.POSITIVE_INFINITY)) throw notFinite(`a state of squared length ${square}`)
    largest = Math.max(largest, square)
  }
  return Math.sqrt(largest)
}
