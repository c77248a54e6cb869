import { xxh32 } from '../kernel/xxh32.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { type Analyzer, wordAnalyzer } from './analyzer.ts'
import { type Bm25, type Bm25Options, bm25, bm25Idf, bm25Weight } from './bm25.ts'
import { type WordPlace, wordPlaces } from './word-places.ts'

/** How words become terms of a vector that a model fills too. */
export interface WordTermOptions extends Bm25Options {
  /** What makes words of a text: English, as `wordAnalyzer` does (default, and all there is so far). */
  readonly analyzer?: 'english'
  /** What the words of a query weigh beside the model's terms; a number above 0, default 1. */
  readonly beta?: number
}

/** The same, each with a value; `delta` is there for `bm25+` only. */
export interface WordTermSettings
  extends Required<Omit<WordTermOptions, 'delta'>>,
    Pick<Bm25Options, 'delta'> {
  /** Terms below this are the model's, from here on they are words. */
  readonly firstTermId: number
}

/** The words of a text as terms, ascending, and how often each stands there. */
export interface WordCounts {
  readonly terms: Uint32Array
  /** `counts[i]` belongs to `terms[i]`. */
  readonly counts: Uint32Array
  /** Words of the text, stop words not counted. */
  readonly numWords: number
}

/** What a collection knows of some distinct terms. */
export interface DocumentFrequencies {
  readonly numDocuments: number
  /** Documents that have each of the terms, in their order. */
  readonly frequencies: Uint32Array
}

/** A word of a text as a term. */
export interface TermPlace extends WordPlace {
  readonly termId: number
}

/** Term ids are unsigned 32-bit integers. */
const NUM_TERM_IDS = 2 ** 32

/** Stems whose ids are remembered: some 10 MB. */
const MAX_STEMS = 100_000

/**
 * Words as terms that stand in one vector with those of a model: a word is the term
 *
 *     firstTermId + XXH32(UTF-8 of its stem) mod (2^32 − firstTermId)
 *
 * so that no list of words is kept, and any word has a term of its own but for chance: of n words in a
 * collection about n² / 2^33 pairs share one (6 of 230,000 words), and count as one word. Hashed words
 * are what Qdrant's and Pinecone's BM25 encoders give too. The weights are the two parts of BM25, so the
 * dot product of the terms from `firstTermId` on is its score; that of all is score of the model plus
 * `beta` times BM25.
 */
export class WordTerms {
  readonly settings: WordTermSettings
  readonly #analyzer: Analyzer = wordAnalyzer()
  readonly #bm25: Bm25
  readonly #termIds = new Map<string, number>()

  constructor(settings: WordTermSettings) {
    this.settings = settings
    this.#bm25 = bm25(settings)
  }

  /** The term of a stem. */
  termIdOf(stem: string): number {
    let termId = this.#termIds.get(stem)
    if (termId === undefined) {
      const { firstTermId } = this.settings
      termId = firstTermId + (xxh32(utf8.encode(stem)) % (NUM_TERM_IDS - firstTermId))
      if (this.#termIds.size >= MAX_STEMS) this.#termIds.clear()
      this.#termIds.set(stem, termId)
    }
    return termId
  }

  /** The terms of a text; words that share one are counted together. */
  count(text: string): WordCounts {
    const words = this.#analyzer(text)
    const counts = new Map<number, number>()
    for (const word of words) {
      const termId = this.termIdOf(word)
      counts.set(termId, (counts.get(termId) ?? 0) + 1)
    }
    const terms = Uint32Array.from(counts.keys()).sort()
    return {
      terms,
      counts: terms.map(termId => counts.get(termId)!),
      numWords: words.length
    }
  }

  /**
   * What a document gives its words, without their idf.
   *
   * @param averageLength - words of a document on average, above 0 where this one has any
   */
  documentVector({ terms, counts, numWords }: WordCounts, averageLength: number): SparseVector {
    return {
      terms,
      weights: Float32Array.from(counts, count =>
        bm25Weight(this.#bm25, count, numWords, averageLength)
      )
    }
  }

  /**
   * What a query gives its words: count times idf; words without an idf above 0 are left out.
   *
   * @param frequenciesOf - what the collection says of distinct terms
   * @param factor - of all weights: `beta` beside a model's terms, 1 for BM25 alone
   */
  queryVector(
    text: string,
    frequenciesOf: (termIds: Uint32Array) => DocumentFrequencies,
    factor: number
  ): SparseVector {
    const { terms, counts } = this.count(text)
    const { numDocuments, frequencies } = frequenciesOf(terms)
    const weights = Float32Array.from(
      counts,
      (count, i) => factor * count * bm25Idf(this.#bm25, numDocuments, frequencies[i]!)
    )
    const isKept = (_: number, i: number): boolean => weights[i]! > 0
    return { terms: terms.filter(isKept), weights: weights.filter(isKept) }
  }

  /** Where the words of a text stand. */
  places(text: string): TermPlace[] {
    return wordPlaces(text, this.#analyzer).map(place => ({
      ...place,
      termId: this.termIdOf(place.stem)
    }))
  }

  /** The part of a vector that is the model's. */
  modelPart(vector: SparseVector): SparseVector {
    const end = this.#border(vector)
    if (end === vector.terms.length) return vector
    return { terms: vector.terms.slice(0, end), weights: vector.weights.slice(0, end) }
  }

  /** The part of a vector that is words. */
  wordPart(vector: SparseVector): SparseVector {
    const start = this.#border(vector)
    return { terms: vector.terms.slice(start), weights: vector.weights.slice(start) }
  }

  /** One vector of the two: terms of a model, and words. */
  joined(model: SparseVector, words: SparseVector): SparseVector {
    const numModel = model.terms.length
    const terms = new Uint32Array(numModel + words.terms.length)
    const weights = new Float32Array(terms.length)
    terms.set(model.terms)
    terms.set(words.terms, numModel)
    weights.set(model.weights)
    weights.set(words.weights, numModel)
    return { terms, weights }
  }

  /** Where the words of a vector begin: terms ascend. */
  #border({ terms }: SparseVector): number {
    const { firstTermId } = this.settings
    let low = 0
    let high = terms.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (terms[middle]! < firstTermId) low = middle + 1
      else high = middle
    }
    return low
  }
}

const utf8 = new TextEncoder()
