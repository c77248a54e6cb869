import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { toSparse } from './float32-encoder.ts'
import { feedsFor, type OutputPort, type ReadyPorts } from './ready-onnx-ports.ts'
import type { Device, ExternalData, InferenceSession } from './session.ts'
import { type SpladeHead, weightOf } from './splade-pooling.ts'
import { GRAPH_PORTS, type TokenBatch, tokenBatch } from './token-batch.ts'

/** A graph that others made, and how it is used: a plain value. */
export interface ReadyOnnxPlan {
  readonly precision: 'as-exported'
  /** The graph as it was found. */
  readonly graph: Uint8Array
  readonly externalData: readonly ExternalData[]
  readonly ports: ReadyPorts
  readonly output: OutputPort
  /** Makes weights of logits; a graph that pools gives weights, and this says nothing. */
  readonly head: SpladeHead
  readonly padId: number
  /** Default `'cpu'`. */
  readonly device?: Device
}

/**
 * So many texts go through a graph at once that the logits of all of their tokens take at most this
 * many bytes, unless one text alone takes more: 512 tokens × 30,522 terms are 62.5 MB. It holds for
 * graphs that pool, too, as they have the logits inside.
 */
const MAX_LOGITS_BYTES = 64e6

/**
 * Encodes with a graph that others made: a masked language model, whose logits are pooled here, or
 * one that pools by itself, whose numbers above zero are the weights.
 */
export class ReadyOnnxEncoder implements BatchEncoder {
  readonly concurrency = 1
  readonly #session: InferenceSession
  readonly #plan: Omit<ReadyOnnxPlan, 'graph' | 'externalData' | 'device'>

  constructor(
    session: InferenceSession,
    plan: Omit<ReadyOnnxPlan, 'graph' | 'externalData' | 'device'>
  ) {
    this.#session = session
    this.#plan = plan
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const { ports, output, padId } = this.#plan
    const vectors: SparseVector[] = []
    for (const group of groupsOf(texts, ports, output.vocabularySize)) {
      const batch = tokenBatch(group, padId, ports.fixedLength)
      const outputs = await this.#session.run(feedsFor(ports, batch))
      const values = outputs[output.name]!.data as Float32Array
      for (const [row, ids] of group.entries()) {
        vectors.push(this.#vectorOf(values, row, ids.length, batch.length))
      }
    }
    return vectors
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  #vectorOf(values: Float32Array, row: number, numTokens: number, length: number): SparseVector {
    const { output, head } = this.#plan
    const { vocabularySize: numTerms, isPooled } = output
    // What a pooling head with `sum` gives is the weight as well.
    if (isPooled) {
      return toSparse(values.subarray(row * numTerms, (row + 1) * numTerms), {
        ...head,
        pooling: 'sum'
      })
    }
    const start = row * length * numTerms
    const logits = values.subarray(start, start + numTokens * numTerms)
    return toSparse(
      head.pooling === 'max' ? maxOf(logits, numTerms) : sumOf(logits, numTerms, head),
      head
    )
  }
}

/**
 * A graph of logits in the clothes of one made here (see {@link GRAPH_PORTS}), for single texts.
 */
export function asLogitsSession(
  session: InferenceSession,
  { ports, output }: Pick<ReadyOnnxPlan, 'ports' | 'output'>
): InferenceSession {
  const { ids, mask, output: name } = GRAPH_PORTS
  return {
    inputNames: [ids, mask],
    outputNames: [name],
    inputs: session.inputs,
    run: async feeds => {
      const tokens = Uint32Array.from(feeds[ids]!.data as Int32Array)
      const batch: TokenBatch = tokenBatch([tokens], 0, ports.fixedLength)
      const outputs = await session.run(feedsFor(ports, batch))
      const logits = outputs[output.name]!.data as Float32Array
      const dims = [1, tokens.length, output.vocabularySize]
      const data = logits.subarray(0, tokens.length * output.vocabularySize)
      return { [name]: { type: 'float32', data, dims } }
    },
    close: () => session.close()
  }
}

/** Texts in their order, in groups that go through the graph at once. */
function groupsOf(
  texts: readonly Uint32Array[],
  { isMasked, isSingle, fixedLength = 0 }: ReadyPorts,
  vocabularySize: number
): Uint32Array[][] {
  const groups: Uint32Array[][] = []
  let longest = 0
  for (const text of texts) {
    const last = groups.at(-1)
    longest = Math.max(longest, text.length, fixedLength)
    const bytes = ((last?.length ?? 0) + 1) * longest * vocabularySize * 4
    if (last !== undefined && isMasked && !isSingle && bytes <= MAX_LOGITS_BYTES) last.push(text)
    else {
      groups.push([text])
      longest = Math.max(text.length, fixedLength)
    }
  }
  return groups
}

/** The largest logit of each term; NaN where there is one. */
function maxOf(logits: Float32Array, numTerms: number): Float32Array {
  const largest = logits.slice(0, numTerms)
  for (let start = numTerms; start < logits.length; start += numTerms) {
    for (let term = 0; term < numTerms; term++) {
      largest[term] = Math.max(largest[term]!, logits[start + term]!)
    }
  }
  return largest
}

/** The sum of each term's weights; NaN where there is one. */
function sumOf(logits: Float32Array, numTerms: number, head: SpladeHead): Float32Array {
  const sums = new Float64Array(numTerms)
  const perToken: SpladeHead = { ...head, pooling: 'max' }
  for (let start = 0; start < logits.length; start += numTerms) {
    for (let term = 0; term < numTerms; term++) {
      const logit = logits[start + term]!
      // Most are below zero, and need no logarithm.
      if (!(logit <= 0)) sums[term] = sums[term]! + weightOf(logit, perToken)
    }
  }
  return Float32Array.from(sums)
}
