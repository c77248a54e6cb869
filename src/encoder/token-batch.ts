import type { RuntimeTensor } from './session.ts'

/** Names that the graphs made here use. */
export const GRAPH_PORTS = { ids: 'ids', mask: 'mask', output: 'output' } as const

/** Texts as one batch, the shorter ones padded at the end. */
export interface TokenBatch {
  /** `[numTexts, length]`, row-major. */
  readonly ids: Int32Array
  /** 1 for a token, 0 for padding; `[numTexts, length]`. */
  readonly mask: Float32Array
  /** Of which of two texts each token is, `[numTexts, length]`; absent: all are of the first. */
  readonly types?: Int32Array
  readonly numTexts: number
  /** Tokens of the longest text, or more. */
  readonly length: number
}

/**
 * @param texts - the token ids of each text
 * @param padId - what fills the shorter ones up; it is masked, so any token will do
 * @param minLength - tokens that each text is filled up to at least; default: none
 */
export function tokenBatch(
  texts: readonly Uint32Array[],
  padId: number,
  minLength: number = 0
): TokenBatch {
  const length = texts.reduce((longest, ids) => Math.max(longest, ids.length), minLength)
  const ids = new Int32Array(texts.length * length).fill(padId)
  const mask = new Float32Array(texts.length * length)
  texts.forEach((tokens, row) => {
    ids.set(tokens, row * length)
    mask.fill(1, row * length, row * length + tokens.length)
  })
  return { ids, mask, numTexts: texts.length, length }
}

/** The inputs of a graph made here. */
export function feedsOf({
  ids,
  mask,
  numTexts,
  length
}: TokenBatch): Record<string, RuntimeTensor> {
  const dims = [numTexts, length]
  return {
    [GRAPH_PORTS.ids]: { type: 'int32', data: ids, dims },
    [GRAPH_PORTS.mask]: { type: 'float32', data: mask, dims }
  }
}
