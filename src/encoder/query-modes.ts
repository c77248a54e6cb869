import { EsplanadeError } from '../errors.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'

/**
 * How a query becomes a vector; documents are the same for all.
 *
 * - `'full'`: what the model makes of it, expansion terms included.
 * - `'no-expansion'`: the model's weights for the terms that stand in the query, special tokens left
 *   out.
 * - `'inference-free'`: each distinct term that stands in the query, special tokens left out, with its
 *   idf for a weight. No model runs. (Geng et al., "Towards Competitive Search Relevance for
 *   Inference-Free Learned Sparse Retrievers", 2024, arXiv:2411.04403)
 */
export type QueryMode = 'full' | 'no-expansion' | 'inference-free'

const QUERY_MODES: readonly QueryMode[] = ['full', 'no-expansion', 'inference-free']

/**
 * The weight of each term in an inference-free query: `table[termId]`, or a function that is given
 * distinct term ids, ascending, and returns a weight for each. Weights are finite; a term without
 * one, or with one that is not above zero, is left out.
 */
export type IdfTable = Float32Array | ((termIds: Uint32Array) => Float32Array)

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkQueryMode(mode: QueryMode, place = 'queryMode'): QueryMode {
  if (QUERY_MODES.includes(mode)) return mode
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `"${mode}" is no query mode`,
    expected: QUERY_MODES.join(', ')
  })
}

/** The distinct terms that stand in a text, ascending, special tokens left out. */
function termsOf(tokenIds: Uint32Array, vocabulary: Vocabulary): Uint32Array {
  const sorted = tokenIds.slice().sort()
  return sorted.filter((id, i) => id !== sorted[i - 1] && !vocabulary.isSpecial(id))
}

/**
 * The vector of an inference-free query.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for an idf that is not finite
 */
export function inferenceFreeVector(
  tokenIds: Uint32Array,
  vocabulary: Vocabulary,
  idf: IdfTable
): SparseVector {
  const terms = termsOf(tokenIds, vocabulary)
  const all =
    typeof idf === 'function' ? idf(terms) : Float32Array.from(terms, termId => idf[termId] ?? 0)
  const wrong = all.findIndex(weight => !Number.isFinite(weight))
  if (wrong >= 0) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'idf',
      problem: `the term ${JSON.stringify(vocabulary.termOf(terms[wrong]!))} has ${all[wrong]}`,
      expected: 'a finite number'
    })
  }
  return kept({ terms, weights: all }, i => all[i]! > 0)
}

/** Encodes queries without a model, by a table of idf. */
export class InferenceFreeEncoder implements BatchEncoder {
  readonly concurrency = 1
  readonly #vocabulary: Vocabulary
  readonly #idf: IdfTable

  constructor(vocabulary: Vocabulary, idf: IdfTable) {
    this.#vocabulary = vocabulary
    this.#idf = idf
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    return texts.map(ids => inferenceFreeVector(ids, this.#vocabulary, this.#idf))
  }

  async close(): Promise<void> {}
}

/** What another encoder makes of texts, without the terms that do not stand in them. */
export class NoExpansionEncoder implements BatchEncoder {
  readonly concurrency: number
  readonly #encoder: BatchEncoder
  readonly #vocabulary: Vocabulary

  constructor(encoder: BatchEncoder, vocabulary: Vocabulary) {
    this.concurrency = encoder.concurrency
    this.#encoder = encoder
    this.#vocabulary = vocabulary
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const vectors = await this.#encoder.encode(texts)
    return vectors.map((vector, i) => {
      const own = new Set(termsOf(texts[i]!, this.#vocabulary))
      return kept(vector, at => own.has(vector.terms[at]!))
    })
  }

  /** The other encoder stays open: it is not this one's. */
  async close(): Promise<void> {}
}

function kept({ terms, weights }: SparseVector, isKept: (i: number) => boolean): SparseVector {
  return {
    terms: terms.filter((_, i) => isKept(i)),
    weights: weights.filter((_, i) => isKept(i))
  }
}
