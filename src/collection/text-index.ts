import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { explainHit, type HitExplanation } from '../explain/explain-hit.ts'
import type { SparseIndex } from '../search/sparse-index.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Tuning } from '../search/tune.ts'
import type { Hit } from '../vector/hit.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { DocumentReader, StoredDocument } from './document-store.ts'
import type { Manifest } from './manifest.ts'
import { parsePassageKey, passageKey } from './passage-key.ts'

/** One document that a search found. */
export interface DocumentHit extends Hit {
  readonly document: StoredDocument
  /** Where its best passage lies in `document.text`, `[start, end)`. */
  readonly passage: readonly [start: number, end: number]
}

/** Options of {@link TextIndex.search}. */
export interface TextSearchOptions {
  /** Documents to return, a whole number from 1; default 10. */
  readonly k?: number
  /** Leaves out documents that score below this; default: none. */
  readonly minScore?: number
  /** How to search (default `'auto'`: exact); an approximate one is asked for by name. */
  readonly strategy?: Strategy
  /** Stops the search before it starts. */
  readonly signal?: AbortSignal
}

/** What {@link TextIndex} is made of. */
export interface TextIndexParts {
  readonly manifest: Manifest
  readonly index: SparseIndex
  readonly documents: DocumentReader
  /** What tuning found for the index, or why that cannot be used. */
  readonly tuning?: Tuning | EsplanadeError | undefined
  /** Loads the model that the manifest names; called at most once, for the first text. */
  readonly loadEncoder: (manifest: Manifest) => Promise<SparseEncoder>
  readonly close: () => Promise<void>
}

/** An index with its documents: queries are texts or vectors, hits are documents. */
export class TextIndex {
  readonly manifest: Manifest
  /** The vectors, keyed by passage. */
  readonly index: SparseIndex
  readonly #parts: TextIndexParts
  readonly #ordinals = new Map<string, number>()
  #encoder: Promise<SparseEncoder> | undefined

  constructor(parts: TextIndexParts) {
    this.manifest = parts.manifest
    this.index = parts.index
    this.#parts = parts
    for (const key of parts.index.keys()) {
      const { documentKey } = parsePassageKey(key)
      if (!this.#ordinals.has(documentKey)) this.#ordinals.set(documentKey, this.#ordinals.size)
    }
  }

  /** The keys of all documents, in the order in which they were added. */
  documentKeys(): IterableIterator<string> {
    return this.#ordinals.keys()
  }

  /**
   * The approximate search that `esplanade tune` found for this index; undefined where it has not
   * been tuned, or nothing was faster than exact.
   *
   * @throws EsplanadeError `INDEX_CORRUPT` when what is kept is damaged, or was found for an index of
   *   other counts; `INDEX_VERSION`, `FILE_UNREADABLE`. Exact search does not need it.
   */
  get tuning(): Tuning | undefined {
    const { tuning } = this.#parts
    if (tuning instanceof EsplanadeError) throw tuning
    return tuning
  }

  /** The model that made the vectors. @throws EsplanadeError `INDEX_MISMATCH` */
  encoder(): Promise<SparseEncoder> {
    this.#encoder ??= this.#loadEncoder()
    return this.#encoder
  }

  /** The vector of a query: encoded, unless it is one already. */
  async queryVector(query: string | SparseVector): Promise<SparseVector> {
    return typeof query === 'string' ? (await this.encoder()).encodeQuery(query) : query
  }

  /** Keys of the best documents, each with the passage that scores highest. */
  async rank(
    query: SparseVector,
    options: TextSearchOptions = {}
  ): Promise<{ key: string; score: number; rank: number; passageIndex: number }[]> {
    const { k = 10, ...limits } = options
    // The first passages of k documents may take any number of passages, so ask for more until
    // there are enough documents, or no more passages.
    for (let depth = k; ; depth *= 4) {
      const { hits } = await this.index.search(query, {
        ...limits,
        k: Math.min(depth, this.index.size || 1)
      })
      const best = new Map<string, { score: number; passageIndex: number }>()
      for (const { key, score } of hits) {
        const { documentKey, passageIndex } = parsePassageKey(key)
        if (!best.has(documentKey)) best.set(documentKey, { score, passageIndex })
      }
      if (best.size >= k || hits.length < depth) {
        return [...best]
          .slice(0, k)
          .map(([key, { score, passageIndex }], i) => ({ key, score, rank: i + 1, passageIndex }))
      }
    }
  }

  /** The best documents for a query, with their texts. */
  async search(query: string | SparseVector, options?: TextSearchOptions): Promise<DocumentHit[]> {
    const ranking = await this.rank(await this.queryVector(query), options)
    return Promise.all(
      ranking.map(async ({ passageIndex, ...hit }) => {
        const document = await this.get(hit.key)
        return { ...hit, document, passage: passageOf(document, passageIndex) }
      })
    )
  }

  /** Why a document scores as it does for a query, by its best passage. */
  async explain(query: string | SparseVector, key: string): Promise<HitExplanation> {
    const document = await this.get(key)
    const queryVector = await this.queryVector(query)
    const numPassages = document.passages?.length ?? 1
    const keys = Array.from({ length: numPassages }, (_, i) => passageKey(key, i, numPassages))
    const scores = this.index.scoresOf(queryVector, keys)
    const passageIndex = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)))
    const [start, end] = passageOf(document, passageIndex)
    const { model } = this.manifest
    const tokenizer = model && (await this.encoder()).tokenizer
    const nameOf = tokenizer && ((termId: number) => tokenizer.vocabulary.termOf(termId))
    const passage = keys[passageIndex]!
    return explainHit({
      explanation: this.index.explain(queryVector, passage, nameOf && { nameOf }),
      contributions: this.index.contributions(queryVector, passage),
      text: document.text.slice(start, end),
      ...(typeof query === 'string' && { queryText: query }),
      ...(model && tokenizer && { tokenizer, maxTokens: model.maxTokens })
    })
  }

  /** @throws EsplanadeError `KEY_NOT_FOUND` */
  async get(key: string): Promise<StoredDocument> {
    const ordinal = this.#ordinals.get(key)
    if (ordinal !== undefined) return this.#parts.documents.get(ordinal)
    throw new EsplanadeError('KEY_NOT_FOUND', {
      problem: `the index has no document ${JSON.stringify(key)}`,
      remedy: 'Keys are case-sensitive; search --json prints them as they are'
    })
  }

  async close(): Promise<void> {
    // A model that could not be loaded has told so already, and needs no closing.
    await (await this.#encoder?.catch(() => undefined))?.close()
    await this.#parts.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #loadEncoder(): Promise<SparseEncoder> {
    const { model } = this.manifest
    if (model === undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: 'the index names no model, so it cannot turn a text into a vector',
        remedy: 'Search with a vector, or index again with --model'
      })
    }
    const encoder = await this.#parts.loadEncoder(this.manifest)
    const differs =
      encoder.vocabulary.fingerprint !== model.vocabularyFingerprint
        ? 'vocabulary'
        : encoder.fingerprint !== model.weightsFingerprint
          ? 'weights'
          : undefined
    if (differs !== undefined) {
      await encoder.close()
      throw new EsplanadeError('INDEX_MISMATCH', {
        problem: `the model ${encoder.name} has other ${differs} than the one that made the index`,
        expected: `the model ${model.name} as it was then`,
        remedy: 'Index the documents again, or name the model that made the index'
      })
    }
    return encoder
  }
}

function passageOf(document: StoredDocument, passageIndex: number): readonly [number, number] {
  return document.passages?.[passageIndex] ?? [0, document.text.length]
}
