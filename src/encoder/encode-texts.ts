import { EsplanadeError } from '../errors.ts'
import type { TokenIds } from '../text/tokenizer.ts'
import { pruneVector, type SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import { planBatches } from './batches.ts'
import type { EncodeOptions } from './sparse-encoder.ts'
import { windowsOf } from './windows.ts'

/** What encodes the texts of one side, documents or queries. */
export interface TextEncoding {
  readonly tokenizer: { tokenize(text: string, options: { maxTokens: number }): TokenIds }
  readonly encoder: BatchEncoder
  /** Tokens of a batch, padding included. */
  readonly maxBatchTokens: number
}

/** Options whose values are known to be right. */
export interface CheckedOptions extends EncodeOptions {
  readonly maxTokens: number
}

/** Counts of one encoding task, over all its windows. */
interface Tally {
  done: number
  numTokens: number
  numTruncated: number
}

/**
 * Encodes a stream of texts, window by window: inside a window they are sorted by length into
 * batches.
 *
 * @param total - how many texts there are, where that is known
 * @yields the vectors in the order of the texts
 */
export async function* encodeTexts(
  texts: AsyncIterable<string> | Iterable<string>,
  encoding: TextEncoding,
  options: CheckedOptions,
  total?: number
): AsyncGenerator<SparseVector> {
  const tally = { done: 0, numTokens: 0, numTruncated: 0 }
  for await (const window of windowsOf(texts)) {
    yield* await encodeWindow(window, encoding, options, tally, total)
  }
}

async function encodeWindow(
  texts: readonly string[],
  encoding: TextEncoding,
  options: CheckedOptions,
  tally: Tally,
  total: number | undefined
): Promise<SparseVector[]> {
  const tokens = texts.map((text, i) => tokenize(text, tally.done + i, encoding, options, tally))
  const vectors = new Array<SparseVector>(texts.length)
  const lengths = tokens.map(ids => ids.length)
  for (const batch of planBatches(lengths, encoding.maxBatchTokens)) {
    if (options.signal?.aborted) throw aborted(tally.done, options.signal)
    const ids = batch.map(index => tokens[index]!)
    const encoded = await encoding.encoder.encode(ids)
    batch.forEach((index, row) => {
      vectors[index] = pruneVector(encoded[row]!, options)
    })
    tally.done += batch.length
    tally.numTokens += ids.reduce((sum, one) => sum + one.length, 0)
    options.onProgress?.({ ...tally, ...(total === undefined ? {} : { total }) })
  }
  return vectors
}

function tokenize(
  text: string,
  index: number,
  { tokenizer }: TextEncoding,
  { maxTokens }: CheckedOptions,
  tally: Tally
): Uint32Array {
  if (typeof text !== 'string') {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: `text ${index}`,
      problem: `it is of type ${text === null ? 'null' : typeof text}`,
      expected: 'a string'
    })
  }
  const { ids, numTruncated } = tokenizer.tokenize(text, { maxTokens })
  if (numTruncated > 0) tally.numTruncated++
  return ids
}

function aborted(done: number, signal: AbortSignal): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: `encoding was stopped after ${done} texts`,
    cause: signal.reason
  })
}
