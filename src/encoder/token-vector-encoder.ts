import type { BatchEncoder } from './batch-encoder.ts'
import { notFinite } from './float32-encoder.ts'
import { feedsFor, type ReadyPorts } from './ready-onnx-ports.ts'
import type { InferenceSession } from './session.ts'
import { type TokenBatch, tokenBatch } from './token-batch.ts'
import type { TokenVectors } from './token-vectors.ts'

/** How a {@link TokenVectorEncoder} uses its graph. */
export interface TokenVectorUse {
  readonly ports: ReadyPorts
  /** The output that is read, `[batch, length, size]`. */
  readonly output: { readonly name: string; readonly size: number }
  readonly padId: number
  /** Tokens of this id at a text's end are no context of the others; undefined: all tokens are. */
  readonly fillerId: number | undefined
  /** Tokens whose vectors are left out. */
  readonly skipped: ReadonlySet<number>
}

/** Runs a transformer and keeps the vectors of its tokens, each brought to length 1. */
export class TokenVectorEncoder implements BatchEncoder<TokenVectors> {
  readonly concurrency = 1
  readonly #session: InferenceSession
  readonly #use: TokenVectorUse

  constructor(session: InferenceSession, use: TokenVectorUse) {
    this.#session = session
    this.#use = use
  }

  async encode(texts: readonly Uint32Array[]): Promise<TokenVectors[]> {
    const { isMasked, isSingle } = this.#use.ports
    if (isMasked && !isSingle) return this.#encodeGroup(texts)
    const all: TokenVectors[] = []
    for (const text of texts) all.push(...(await this.#encodeGroup([text])))
    return all
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #encodeGroup(texts: readonly Uint32Array[]): Promise<TokenVectors[]> {
    const { ports, output, padId, fillerId } = this.#use
    const batch = tokenBatch(texts, padId, ports.fixedLength)
    if (fillerId !== undefined) hideFillers(batch, texts, fillerId)
    const outputs = await this.#session.run(feedsFor(ports, batch))
    const values = outputs[output.name]!.data as Float32Array
    return texts.map((ids, row) => this.#vectorsOf(ids, values, row * batch.length))
  }

  #vectorsOf(ids: Uint32Array, values: Float32Array, first: number): TokenVectors {
    const { output, skipped } = this.#use
    const { size } = output
    const kept = [...ids.keys()].filter(i => !skipped.has(ids[i]!))
    const vectors = new Float32Array(kept.length * size)
    for (const [row, token] of kept.entries()) {
      const start = (first + token) * size
      setUnit(vectors, row * size, values.subarray(start, start + size))
    }
    return { dimensions: size, vectors }
  }
}

function hideFillers(
  { mask, length }: TokenBatch,
  texts: readonly Uint32Array[],
  fillerId: number
): void {
  for (const [row, ids] of texts.entries()) {
    let end = ids.length
    while (end > 0 && ids[end - 1] === fillerId) end--
    mask.fill(0, row * length + end, row * length + ids.length)
  }
}

/** A vector of zeros stays as it is, as PyTorch's `normalize` has it. */
function setUnit(target: Float32Array, at: number, vector: Float32Array): void {
  let squares = 0
  for (const value of vector) squares += value * value
  if (!Number.isFinite(squares)) throw notFinite('a vector of a token that is no number')
  const length = Math.sqrt(squares) || 1
  for (let i = 0; i < vector.length; i++) target[at + i] = vector[i]! / length
}
