import { pruneVector } from 'esplanade'
import { DenseEncoder, SparseEncoder } from 'esplanade/encoder'
import { activeTerms, flops, flopsLoss, TermCounter } from 'esplanade/eval'
import { LexicalEncoder } from 'esplanade/lexical'
import { DenseIndexBuilder, SparseIndexBuilder } from 'esplanade/search'
import { rowOf } from '../search/csr.mjs'
import { DENSE_MODEL, denseDocuments, sparseDocuments } from './vectors.mjs'

/**
 * The lists of one judged collection: documents as vectors in an index, and a way to make a query of
 * a text. What several settings need is made once.
 *
 * @typedef {import('../judged/collections.mjs').Judged} Judged
 * @typedef {import('./settings.mjs').Setting} Setting
 *
 * @typedef {object} List
 * @property {string} name
 * @property {(query: any, options: { k: number }) => Promise<import('esplanade').RankedList>} search
 * @property {(text: string) => Promise<any>} encode
 * @property {number} indexBytes
 * @property {number} numPostings 0 for a dense one
 * @property {(queries: any[]) => Costs} costsOf what comparing these queries with the documents costs
 *
 * @typedef {object} Costs
 * @property {number} flops
 * @property {number} queryTerms
 * @property {number} documentTerms
 * @property {number} queryLoss
 * @property {number} documentLoss
 */

/** Times are those of one thread. */
const ONE_THREAD = { numThreads: 1 }

export class ListMaker {
  #judged
  /** @type {Map<string, Promise<any>>} */
  #made = new Map()
  #encoders = []
  /** @type {Map<List['encode'], Promise<any[]>>} */
  #asked = new Map()

  /** @param {Judged} judged */
  constructor(judged) {
    this.#judged = judged
  }

  /**
   * @param {'sparse' | 'bm25' | 'combined' | 'dense'} name
   * @param {Setting} setting
   * @returns {Promise<List>}
   */
  async list(name, setting) {
    if (name === 'dense') return this.#dense()
    const { encoding = 'float32', pruning = {}, weights = 'float32', queryMode } = setting
    const asked = JSON.stringify(['queries', name, encoding, queryMode])
    const encode = await this.#once(asked, () => this.#queries(name, setting))
    const key = JSON.stringify([name, encoding, pruning, weights])
    const held = await this.#once(key, () => this.#index(name, setting))
    return { name, encode, ...held }
  }

  /**
   * All queries of the collection, encoded once for each way of doing it.
   *
   * @param {List} list
   */
  queriesOf({ encode }) {
    if (!this.#asked.has(encode)) this.#asked.set(encode, this.#askAll(encode))
    return this.#asked.get(encode)
  }

  async #askAll(encode) {
    const queries = []
    for (const [, text] of this.#judged.topics) queries.push(await encode(text))
    return queries
  }

  async close() {
    for (const encoder of this.#encoders) await encoder.close()
    for (const made of this.#made.values()) await (await made).index?.close?.()
  }

  #once(key, make) {
    if (!this.#made.has(key)) this.#made.set(key, make())
    return this.#made.get(key)
  }

  async #index(name, { pruning = {}, encoding = 'float32', weights = 'float32' }) {
    const { keys } = this.#judged
    const builder = new SparseIndexBuilder()
    const counter = new TermCounter()
    const vectorAt = await this.#documents(name, encoding)
    for (const [i, key] of keys.entries()) {
      const vector = pruneVector(vectorAt(i), pruning)
      builder.add(key, vector)
      counter.add(vector)
    }
    const index = await builder.finish({ precision: weights })
    const documents = counter.counts()
    return {
      index,
      search: (query, options) => index.search(query, options),
      indexBytes: index.segmentBytes().reduce((sum, { length }) => sum + length, 0),
      numPostings: index.numPostings,
      costsOf: queries => ({
        flops: flops(queries, documents),
        queryTerms: activeTerms(queries),
        documentTerms: activeTerms(documents),
        queryLoss: flopsLoss(queries),
        documentLoss: flopsLoss(documents)
      })
    }
  }

  /** The document at a place, as a sparse vector. */
  async #documents(name, encoding) {
    const { texts } = this.#judged
    const words = name === 'sparse' ? undefined : await this.#words()
    if (name === 'bm25') return i => words.encodeDocument(texts[i])
    const csr = await this.#once(`documents ${encoding}`, () => this.#encoded(encoding))
    if (name === 'sparse') return i => rowOf(csr, i)
    const { vocabularySize } = await this.#model('float32')
    return i => joined(rowOf(csr, i), words.encodeDocument(texts[i]), vocabularySize)
  }

  async #encoded(encoding) {
    return encoding === 'float32' ? this.#judged.documents : sparseDocuments(this.#judged, encoding)
  }

  /** How a text becomes a query of a sparse list. */
  async #queries(name, { queryMode = 'full', encoding = 'float32' }) {
    const words = name === 'sparse' ? undefined : await this.#words()
    if (name === 'bm25') return async text => words.encodeQuery(text)
    const { encoder, vocabularySize } = await this.#model(encoding)
    const idf = await this.#once('idf', () => this.#idf(vocabularySize))
    const encode = text => encoder.encodeQuery(text, { queryMode, idf })
    if (name === 'sparse') return encode
    return async text => joined(await encode(text), words.encodeQuery(text), vocabularySize)
  }

  #words() {
    return this.#once('words', () => LexicalEncoder.fit(this.#judged.texts))
  }

  #model(precision) {
    return this.#once(`model ${precision}`, async () => {
      const encoder = await SparseEncoder.load('splade-tiny', { precision, ...ONE_THREAD })
      this.#encoders.push(encoder)
      return { encoder, vocabularySize: encoder.vocabulary.size }
    })
  }

  /** Weights of inference-free queries: ln(1 + (N − df + 0.5) / (df + 0.5)) over the documents. */
  async #idf(vocabularySize) {
    const { documents, keys } = this.#judged
    const frequencies = new Uint32Array(vocabularySize)
    for (const term of documents.terms) frequencies[term]++
    return Float32Array.from(frequencies, df => Math.log(1 + (keys.length - df + 0.5) / (df + 0.5)))
  }

  #dense() {
    return this.#once('dense', async () => {
      const encoder = await DenseEncoder.load(DENSE_MODEL, ONE_THREAD)
      this.#encoders.push(encoder)
      const { dimensions } = encoder
      const builder = new DenseIndexBuilder(dimensions)
      for (const [i, vector] of (await denseDocuments(this.#judged)).entries()) {
        if (vector !== undefined) builder.add(this.#judged.keys[i], vector)
      }
      const index = builder.finish({ metric: 'cosine', precision: 'int8' })
      // Every number of one meets its fellow of the other.
      const terms = { flops: dimensions, queryTerms: dimensions, documentTerms: dimensions }
      return {
        name: 'dense',
        index,
        search: async (query, options) => withAll(index, await index.search(query, options)),
        encode: text => encoder.encodeQuery(text),
        indexBytes: index.toBytes().length,
        numPostings: 0,
        costsOf: () => ({ ...terms, queryLoss: 0, documentLoss: 0 })
      }
    })
  }
}

/** A document without a vector counts as the worst that has one, as in a collection. */
function withAll(index, list) {
  const scoresOf = keys => {
    if (keys.every(key => index.has(key))) return list.scoresOf(keys)
    return Float64Array.from(keys, key => (index.has(key) ? list.scoresOf([key])[0] : list.min))
  }
  return { ...list, scoresOf }
}

/** One vector: the model's terms, and the words behind them. */
function joined(model, words, firstWord) {
  const terms = new Uint32Array(model.terms.length + words.terms.length)
  const weights = new Float32Array(terms.length)
  terms.set(model.terms)
  weights.set(model.weights)
  terms.set(
    words.terms.map(term => firstWord + term),
    model.terms.length
  )
  weights.set(words.weights, model.terms.length)
  return { terms, weights }
}
