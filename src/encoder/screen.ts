import { notFinite } from './float32-encoder.ts'
import type { Int8Decoder } from './int8-decoder.ts'
import { buildScreenGraph, SCREEN_PORTS, type ScreenOutput } from './screen-graph.ts'
import {
  createSession,
  type GraphModel,
  type InferenceSession,
  type RuntimeTensor
} from './session.ts'
import { feedsOf, GRAPH_PORTS, tokenBatch } from './token-batch.ts'

/** What a {@link Screen} is made of, a plain value. */
export interface ScreenPlan {
  /** A serialised graph: ids and mask in, states out; padding has the first token's. */
  readonly states: GraphModel
  readonly decoder: Int8Decoder
  readonly padId: number
}

/** What the screen saw of a batch. */
export interface Screened {
  /** Float32 `[texts, length, hidden]`. */
  readonly states: RuntimeTensor
  /** Of each term of each text; see {@link ScreenOutput}. */
  readonly output: RuntimeTensor
}

/**
 * Products of a slice are written and read again at once, so they should stay in the L2 cache: for
 * 1,050 tokens, 192 terms take 806 kB. Measured with the shipped model on one core with 1 MB of it,
 * 14 texts of 75 tokens, processor time of the screen for a text, in ms: 64 terms 1.88, 128: 1.89,
 * 192: 1.79, 256: 1.93, 512: 2.55, 1,024: 3.22. With 7 and 28 texts the order is the same, and the
 * best differ by less than 5 %, so batches need no calibration. docs/encoding-speed.md has the rest.
 */
const SLICE_TERMS = 192

/** Up to so many tokens a batch, the number of slices costs more than the cache saves. */
const MAX_UNSLICED_TOKENS = 32

/** Runs a model up to its last layer in float32, and the last layer in whole numbers. */
export class Screen {
  readonly #decoder: Int8Decoder
  readonly #what: ScreenOutput
  readonly #states: InferenceSession
  readonly #padId: number
  readonly #numThreads: number | undefined
  /** By the terms of a slice, made when first needed. */
  readonly #sessions = new Map<number, Promise<InferenceSession>>()

  private constructor(
    states: InferenceSession,
    { decoder, padId }: ScreenPlan,
    what: ScreenOutput,
    numThreads: number | undefined
  ) {
    this.#decoder = decoder
    this.#what = what
    this.#states = states
    this.#padId = padId
    this.#numThreads = numThreads
  }

  /** @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED` */
  static async open(
    plan: ScreenPlan,
    what: ScreenOutput,
    numThreads: number | undefined
  ): Promise<Screen> {
    return new Screen(await createSession(plan.states, numThreads), plan, what, numThreads)
  }

  /** @throws EsplanadeError `RUNTIME_FAILED`, also where a state is not finite */
  async run(texts: readonly Uint32Array[]): Promise<Screened> {
    const batch = tokenBatch(texts, this.#padId)
    const states = (await this.#states.run(feedsOf(batch)))[GRAPH_PORTS.output]!
    const isSmall = batch.ids.length <= MAX_UNSLICED_TOKENS
    const session = await this.#session(isSmall ? this.#decoder.bias.length : SLICE_TERMS)
    const outputs = await session.run({ [SCREEN_PORTS.states]: states })
    refuseNaN(outputs[SCREEN_PORTS.squares]!.data as Float32Array)
    return { states, output: outputs[SCREEN_PORTS.output]! }
  }

  async close(): Promise<void> {
    await this.#states.close()
    for (const session of this.#sessions.values()) await (await session).close()
    this.#sessions.clear()
  }

  #session(sliceTerms: number): Promise<InferenceSession> {
    const known = this.#sessions.get(sliceTerms)
    if (known !== undefined) return known
    const graph = buildScreenGraph(this.#decoder, this.#what, sliceTerms)
    // Threads of the runtime meet after each product, which for slices costs more than it gains: 260
    // passages a second with one thread, 175 with two. Workers share the cores better.
    const isSliced = sliceTerms === SLICE_TERMS
    const session = createSession(graph, this.#numThreads ?? (isSliced ? 1 : undefined))
    this.#sessions.set(sliceTerms, session)
    return session
  }
}

/** Whole numbers know no NaN: what went wrong in the states is seen here, or nowhere. */
function refuseNaN(squares: Float32Array): void {
  for (const square of squares) {
    if (!(square < Number.POSITIVE_INFINITY)) throw notFinite(`a state of squared length ${square}`)
  }
}
