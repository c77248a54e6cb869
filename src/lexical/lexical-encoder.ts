import { type SparseVector, sparseVectorFromEntries } from '../vector/sparse-vector.ts'
import { type Analyzer, wordAnalyzer } from './analyzer.ts'
import { type Bm25, type Bm25Options, bm25, bm25Idf, bm25Weight } from './bm25.ts'
import { Lexicon } from './lexicon.ts'
import { countTerms, type TermCounts } from './term-counts.ts'
import { tfIdfOfQuery, tfIdfWeights } from './tf-idf.ts'

/** Which weights a {@link LexicalEncoder} gives. */
export type LexicalWeighting =
  | ({ readonly method: 'bm25' } & Bm25Options)
  | { readonly method: 'tf-idf' }

/** Options of {@link LexicalEncoder.fit}. */
export interface LexicalEncoderOptions {
  /** Default: BM25 as Lucene has it, k1 1.2, b 0.75. */
  readonly weighting?: LexicalWeighting
  /** Text → words; default {@link wordAnalyzer}. A model's word pieces do as well. */
  readonly analyzer?: Analyzer
}

/**
 * Words counted, as sparse vectors: the dot product of a query's vector and a document's is its BM25 or
 * TF-IDF score, so the same index and the same exact search serve them. What a document is worth depends
 * on the collection (its average length, the frequency of words), so an encoder is made from one.
 */
export class LexicalEncoder {
  /** Words of the collection; the ids of terms are their numbers. */
  readonly lexicon: Lexicon
  readonly numDocuments: number
  /** Words of a document on average. */
  readonly averageLength: number
  readonly #analyzer: Analyzer
  readonly #bm25: Bm25 | undefined
  /** Documents that have each term. */
  readonly #documentFrequencies: Uint32Array

  private constructor(
    statistics: Statistics,
    { weighting, analyzer }: Required<LexicalEncoderOptions>
  ) {
    this.lexicon = statistics.lexicon
    this.numDocuments = statistics.numDocuments
    this.averageLength = statistics.numWords / Math.max(1, statistics.numDocuments)
    this.#documentFrequencies = Uint32Array.from(statistics.documentFrequencies)
    this.#analyzer = analyzer
    this.#bm25 = weighting.method === 'bm25' ? bm25(weighting) : undefined
  }

  /**
   * Reads the statistics of a collection.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT`
   */
  static async fit(
    texts: Iterable<string> | AsyncIterable<string>,
    options: LexicalEncoderOptions = {}
  ): Promise<LexicalEncoder> {
    const { weighting = { method: 'bm25' }, analyzer = wordAnalyzer() } = options
    if (weighting.method === 'bm25') bm25(weighting)
    const statistics = new Statistics()
    for await (const text of texts) statistics.add(countTerms(analyzer(text)))
    return new LexicalEncoder(statistics, { weighting, analyzer })
  }

  /** A document of the collection; words that the collection lacks are left out. */
  encodeDocument(text: string): SparseVector {
    const { counts, length } = this.#count(text)
    const weights =
      this.#bm25 === undefined
        ? tfIdfWeights(counts.values())
        : Array.from(counts.values(), count =>
            bm25Weight(this.#bm25!, count, length, this.averageLength)
          )
    return this.#vector(counts, (_, i) => weights[i]!)
  }

  /** Words that no document has are left out, and those that all have where they weigh nothing. */
  encodeQuery(text: string): SparseVector {
    const { counts } = this.#count(text)
    return this.#vector(counts, (count, _, id) => {
      const documentFrequency = this.#documentFrequencies[id]!
      return this.#bm25 === undefined
        ? tfIdfOfQuery(count, this.numDocuments, documentFrequency)
        : count * bm25Idf(this.#bm25, this.numDocuments, documentFrequency)
    })
  }

  #count(text: string): TermCounts {
    return countTerms(this.#analyzer(text))
  }

  #vector(
    counts: ReadonlyMap<string, number>,
    weightOf: (count: number, i: number, id: number) => number
  ): SparseVector {
    const entries: [number, number][] = []
    let i = 0
    for (const [word, count] of counts) {
      const id = this.lexicon.idOf(word)
      const weight = id === undefined ? 0 : weightOf(count, i, id)
      if (id !== undefined && weight > 0) entries.push([id, weight])
      i++
    }
    return sparseVectorFromEntries(entries)
  }
}

/** Counts over a collection while it is read. */
class Statistics {
  readonly lexicon = new Lexicon()
  readonly documentFrequencies: number[] = []
  numDocuments = 0
  numWords = 0

  add({ counts, length }: TermCounts): void {
    this.numDocuments++
    this.numWords += length
    for (const word of counts.keys()) {
      const id = this.lexicon.add(word)
      this.documentFrequencies[id] = (this.documentFrequencies[id] ?? 0) + 1
    }
  }
}
