import type { Metadata } from '../corpus/metadata.ts'
import { encodeInferenceFree } from '../encoder/inference-free-model.ts'
import { checkQueryMode, type QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import { explainHit, type HitExplanation } from '../explain/explain-hit.ts'
import { contributionsOf, explainContributions } from '../search/contributions.ts'
import { norm, similarity } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionEncoder } from './collection-encoder.ts'
import { bestPassage, searchDocuments } from './document-search.ts'
import type { EntryHit } from './entry-search.ts'
import { inverseDocumentFrequencies } from './inverse-document-frequency.ts'
import {
  type CollectionHit,
  type CollectionResult,
  type CollectionSearchOptions,
  checkSearch,
  checkVector
} from './search-request.ts'
import type { CollectionSettings } from './settings.ts'
import type { StoredDocument } from './store.ts'
import { numDead, type View } from './view.ts'

/** What a snapshot needs to know of its collection. */
export interface CollectionContext {
  readonly settings: CollectionSettings
  readonly encoder: CollectionEncoder
  /** How the texts of queries become vectors unless a call says otherwise. */
  readonly queryMode: QueryMode
}

/** A document as it was written. */
export interface CollectionDocument {
  readonly key: string
  readonly namespace: string
  readonly text: string
  readonly metadata: Metadata
  /** Where each passage lies in `text`, `[start, end)`; absent for one undivided text. */
  readonly passages?: readonly (readonly [start: number, end: number])[]
  /** With `includeVectors`: one a passage, in their order. */
  readonly vectors?: readonly SparseVector[]
  /** With `includeVectors`: the dense vector, if it has one. */
  readonly dense?: Float32Array
}

/** Which document is meant. */
export interface GetOptions {
  /** Default `''`. */
  readonly namespace?: string
  /** Default false. */
  readonly includeVectors?: boolean
}

/** Which document is explained, and how the query is understood. */
export interface ExplainOptions extends Pick<GetOptions, 'namespace'> {
  /** How a text becomes a vector; default: as the collection was opened, else `'full'`. */
  readonly queryMode?: QueryMode
}

/** A part of the keys of a namespace. */
export interface KeyPage {
  /** Keys by ascending UTF-8 bytes. */
  readonly keys: readonly string[]
  /** Given as `cursor`, it continues here; absent at the end. */
  readonly cursor?: string
}

/** Which keys are meant. */
export interface ListOptions {
  /** Default `''`. */
  readonly namespace?: string
  /** Only keys that begin with this; default all. */
  readonly prefix?: string
  /** The `cursor` of the page before. */
  readonly cursor?: string
  /** Keys of a page, a whole number from 1; default 100. */
  readonly limit?: number
}

/** What a collection holds. */
export interface CollectionStats {
  readonly numDocuments: number
  /** Documents of each namespace that has any. */
  readonly namespaces: Readonly<Record<string, number>>
  /** Vectors in segments and in memory; those of documents that were replaced or deleted count. */
  readonly numEntries: number
  /** Of these, in segments: entries of documents that are no more. A merge drops them. */
  readonly numDead: number
  /** Of these, in memory, waiting for a flush. */
  readonly numInMemory: number
  readonly numPostings: number
  readonly numSegments: number
  /** Bytes of the segments' files. */
  readonly segmentBytes: number
}

/**
 * A collection as it was at one point in time: writes, deletes and merges that follow do not change
 * what it shows. It keeps the store from using again the room of what was deleted since, so close it.
 */
export class CollectionSnapshot {
  readonly #view: View
  readonly #context: CollectionContext
  #closed = false

  /** @internal The snapshot releases the view when it is closed. */
  constructor(view: View, context: CollectionContext) {
    this.#view = view
    this.#context = context
  }

  /**
   * The best documents for a text or a vector. The order is by score, then by when a document was
   * written; each is found by its best passage.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR`, `FILTER_INVALID`; `KEY_NOT_FOUND` for
   *   `searchAfter`; `COLLECTION_MISMATCH`; `ABORTED`; `COLLECTION_CORRUPT`; `COLLECTION_CLOSED`
   */
  async search(
    query: string | SparseVector,
    options: CollectionSearchOptions = {}
  ): Promise<CollectionResult> {
    this.#checkOpen()
    const request = checkSearch(options, this.#view)
    const vector = await this.#vectorOf(query, options)
    this.#checkOpen()
    const { metric } = this.#context.settings
    const { hits: found, stats } = searchDocuments(this.#view, vector, { ...request, metric })
    const ranksBefore = options.searchAfter?.rank ?? 0
    let hits = found.map((hit, i) => this.#hit(hit, ranksBefore + i + 1, options))
    if (options.rerank !== undefined) hits = await reranked(query, hits, options)
    if (options.explain) {
      const tokenizing = this.#context.settings.model !== undefined
      if (tokenizing) await this.#context.encoder.tokenizer()
      hits = await Promise.all(
        hits.map(async hit => ({
          ...hit,
          explanation: await this.#explain(query, vector, this.#stored(hit.key, options.namespace))
        }))
      )
    }
    return {
      hits,
      rankSafe: typeof request.strategy === 'string',
      stats: { numQueryTerms: vector.terms.length, ...stats }
    }
  }

  /**
   * Why a document scores as it does, by its best passage; a document that matches no term has 0.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND`; else as {@link CollectionSnapshot.search}
   */
  async explain(
    query: string | SparseVector,
    key: string,
    options: ExplainOptions = {}
  ): Promise<HitExplanation> {
    this.#checkOpen()
    if (options.queryMode !== undefined) checkQueryMode(options.queryMode)
    const document = this.#stored(key, options.namespace)
    return this.#explain(query, await this.#vectorOf(query, options), document)
  }

  /**
   * The weights of inference-free queries where the model has none of its own: `idf[termId]` for all
   * terms of the model, ln(1 + (N − df + 0.5) / (df + 0.5)) with df of the N passages holding the term.
   * Counted are the vectors of all namespaces, those of documents that were replaced or deleted
   * included until a merge drops them.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` for a collection without a model; what reading the
   *   model's tokenizer throws; `COLLECTION_CLOSED`
   */
  async idf(): Promise<Float32Array> {
    this.#checkOpen()
    const { size } = (await this.#context.encoder.tokenizer()).vocabulary
    this.#checkOpen()
    return inverseDocumentFrequencies(
      this.#view,
      Uint32Array.from({ length: size }, (_, id) => id)
    )
  }

  /** The document of a key; undefined where there is none. @throws EsplanadeError `COLLECTION_CORRUPT` */
  async get(key: string, options: GetOptions = {}): Promise<CollectionDocument | undefined> {
    this.#checkOpen()
    const stored = this.#find(String(key), options.namespace)
    return stored && this.#document(stored, options.includeVectors)
  }

  /** The keys of a namespace, page by page. @throws EsplanadeError `INVALID_ARGUMENT` */
  async list(options: ListOptions = {}): Promise<KeyPage> {
    this.#checkOpen()
    const { namespace = '', prefix, cursor, limit = 100 } = options
    if (!Number.isInteger(limit) || limit < 1) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'limit',
        problem: `given ${limit}`,
        expected: 'a whole number from 1'
      })
    }
    const keys: string[] = []
    for (const { key } of this.#view.store.keys(namespace, { prefix, after: cursor })) {
      if (keys.length === limit) return { keys, cursor: keys.at(-1)! }
      keys.push(key)
    }
    return { keys }
  }

  /** All documents of a namespace, or of all, in the order in which they were written. */
  async *documents(
    options: GetOptions & { readonly allNamespaces?: boolean } = {}
  ): AsyncGenerator<CollectionDocument, void, undefined> {
    this.#checkOpen()
    const { store } = this.#view
    const { namespace = '', allNamespaces = false, includeVectors } = options
    let numRead = 0
    for (const seq of store.seqs(1, store.state.lastSeq)) {
      const stored = store.document(seq)!
      if (allNamespaces || stored.namespace === namespace) {
        yield this.#document(stored, includeVectors)
        this.#checkOpen()
      }
      if (++numRead % TURN_DOCUMENTS === 0) await new Promise(resolve => setTimeout(resolve, 0))
    }
  }

  async stats(): Promise<CollectionStats> {
    this.#checkOpen()
    const { store, segments, deltas } = this.#view
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
    const records = segments.map(({ segment }) => segment.record)
    const inMemory = deltas.filter(({ numEntries }) => numEntries > 0)
    const numInMemory = sum(inMemory.map(({ numEntries }) => numEntries))
    return {
      numDocuments: store.state.numDocuments,
      namespaces: Object.fromEntries(store.namespaces()),
      numEntries: sum(records.map(({ numEntries }) => numEntries)) + numInMemory,
      numDead: sum(segments.map(numDead)),
      numInMemory,
      numPostings:
        sum(records.map(({ numPostings }) => numPostings)) +
        sum(inMemory.map(({ delta, numEntries }) => delta.numPostingsOf(numEntries))),
      numSegments: segments.length,
      segmentBytes: sum(records.map(({ fileBytes, columnsBytes }) => fileBytes + columnsBytes))
    }
  }

  /** Lets the point in time go. Closing again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#view.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #hit(
    { seq, passageIndex, score }: EntryHit,
    rank: number,
    { includeVectors }: CollectionSearchOptions
  ): CollectionHit {
    const stored = this.#view.store.document(seq)!
    const { key, text, metadata, passages } = stored
    return {
      key,
      score,
      rank,
      text,
      metadata,
      ...(passages && { passage: passages[passageIndex]! }),
      ...(includeVectors && { vectors: this.#view.store.vectors(seq)!.passages })
    }
  }

  async #vectorOf(
    query: string | SparseVector,
    { queryMode = this.#context.queryMode, signal }: CollectionSearchOptions
  ): Promise<SparseVector> {
    if (typeof query !== 'string') return checkVector(query)
    if (queryMode === 'inference-free') return this.#inferenceFreeVectorOf(query)
    const encoder = await this.#context.encoder.get()
    return encoder.encodeQuery(query, { queryMode, ...(signal && { signal }) })
  }

  async #inferenceFreeVectorOf(text: string): Promise<SparseVector> {
    const model = await this.#context.encoder.inferenceFree()
    this.#checkOpen()
    const { maxTokens } = this.#context.settings.model!
    const idf = (termIds: Uint32Array) => inverseDocumentFrequencies(this.#view, termIds)
    return encodeInferenceFree(text, model, idf, maxTokens)
  }

  #find(key: string, namespace = ''): StoredDocument | undefined {
    const { store } = this.#view
    const seq = store.seqOf(namespace, key)
    if (seq === undefined) return undefined
    const stored = store.document(seq)
    if (stored?.key === key && stored.namespace === namespace) return stored
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      problem: `the key ${JSON.stringify(key)} leads to document ${seq}, which is not its own`,
      remedy: 'Restore the collection from a backup'
    })
  }

  #stored(key: string, namespace?: string): StoredDocument {
    const stored = this.#find(key, namespace)
    if (stored !== undefined) return stored
    throw new EsplanadeError('KEY_NOT_FOUND', {
      problem: `the collection has no document ${JSON.stringify(key)}`,
      remedy: 'Keys are case-sensitive, and each namespace has its own; list() gives them'
    })
  }

  #document(stored: StoredDocument, includeVectors = false): CollectionDocument {
    const { key, namespace, text, metadata, passages, seq } = stored
    const vectors = includeVectors ? this.#view.store.vectors(seq) : undefined
    return {
      key,
      namespace,
      text,
      metadata,
      ...(passages && { passages }),
      ...(vectors && { vectors: vectors.passages }),
      ...(vectors?.dense && { dense: vectors.dense })
    }
  }

  async #explain(
    query: string | SparseVector,
    vector: SparseVector,
    { seq, key, text, passages }: StoredDocument
  ): Promise<HitExplanation> {
    const { metric, model } = this.#context.settings
    const { passageIndex } = bestPassage(this.#view, vector, seq, metric)
    const passage = this.#view.store.vectors(seq)!.passages[passageIndex]!
    const [start, end] = passages?.[passageIndex] ?? [0, text.length]
    const tokenizer = model && (await this.#context.encoder.tokenizer())
    const scale = metric === 'cosine' ? norm(vector) * norm(passage) : 1
    const terms = Array.from(vector.terms, (termId, i) => ({
      termId,
      termIndex: termId,
      weight: vector.weights[i]!
    }))
    const record = {
      termIndexes: passage.terms,
      numTerms: passage.terms.length,
      weight: (i: number) => passage.weights[i]!
    }
    const contributions = contributionsOf(terms, record, scale)
    const measure = metric === 'cosine' ? 'cosine' : 'dot product'
    const explanation = explainContributions(
      contributions,
      similarity(vector, passage, metric),
      `${measure} of the query and document ${JSON.stringify(key)}`,
      tokenizer ? { nameOf: termId => tokenizer.vocabulary.termOf(termId) } : {}
    )
    return explainHit({
      explanation,
      contributions,
      text: text.slice(start, end),
      ...(typeof query === 'string' && { queryText: query }),
      ...(model && tokenizer && { tokenizer, maxTokens: model.maxTokens })
    })
  }

  #checkOpen(): void {
    if (!this.#closed) return
    throw new EsplanadeError('COLLECTION_CLOSED', {
      problem: 'the snapshot was closed',
      remedy: 'Take a new one'
    })
  }
}

/** The event loop gets a turn after so many documents of a long reading. */
const TURN_DOCUMENTS = 256

async function reranked(
  query: string | SparseVector,
  hits: readonly CollectionHit[],
  { rerank, signal, searchAfter }: CollectionSearchOptions
): Promise<CollectionHit[]> {
  const scores = await rerank!(query, hits, signal ? { signal } : {})
  if (scores.length !== hits.length || !Array.from(scores).every(Number.isFinite)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'rerank',
      problem: `it gave ${scores.length} scores for ${hits.length} hits, or one that is no number`,
      expected: 'a finite score for each hit, in their order'
    })
  }
  const ranksBefore = searchAfter?.rank ?? 0
  return hits
    .map((hit, i) => ({ ...hit, score: scores[i]! }))
    .sort((a, b) => b.score - a.score || a.rank - b.rank)
    .map((hit, i) => ({ ...hit, rank: ranksBefore + i + 1 }))
}
