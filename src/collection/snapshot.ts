import type { Metadata } from '../corpus/metadata.ts'
import { checkQueryMode, type QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { DEFAULT_DEPTH, type FusionList } from '../fusion/fusion-list.ts'
import type { WordTermSettings } from '../lexical/word-terms.ts'
import { Stopwatch } from '../rerank/stopwatch.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { type CollectionQuery, queryParts } from './collection-query.ts'
import { openGraphs } from './dense-search.ts'
import { type DenseStats, denseStatsOf } from './dense-stats.ts'
import type { DenseStrategy, GraphWalk } from './dense-strategy.ts'
import { type EncodedQuery, encodeQuery } from './encode-query.ts'
import type { EntryHit } from './entry-key.ts'
import { explainIn, findDocuments, isRankSafe } from './first-stage.ts'
import type { HybridFusion } from './hybrid-fusion.ts'
import { searchLists } from './hybrid-search.ts'
import { inverseDocumentFrequencies } from './inverse-document-frequency.ts'
import { denseParts } from './passage-dense.ts'
import { type QueryVectorOptions, queryVector } from './query-vector.ts'
import { DocumentKeys, listsByKey } from './ranked-lists.ts'
import { explainedHit, rerankHits } from './rerank-hits.ts'
import { checkSparseMode, type SearchMode, sparseModeOf } from './search-mode.ts'
import {
  type CollectionHit,
  type CollectionResult,
  type CollectionSearchOptions,
  checkSearch
} from './search-request.ts'
import type { StoredDocument, StoredVectors } from './store.ts'
import { numDead, type View } from './view.ts'
import { averageLength } from './word-statistics.ts'

/** A document as it was written. */
export interface CollectionDocument {
  readonly key: string
  readonly namespace: string
  readonly text: string
  readonly metadata: Metadata
  /** Where each passage lies in `text`, `[start, end)`; absent for one undivided text. */
  readonly passages?: readonly (readonly [start: number, end: number])[]
  /** With `includeVectors`: the model's, or those that were given, one a passage, in their order. */
  readonly vectors?: readonly SparseVector[]
  /** With `includeVectors`, where words are terms: those of each passage, in their order. */
  readonly lexicalVectors?: readonly SparseVector[]
  /** With `includeVectors`: the dense vector of the document or of its first passage alone. */
  readonly dense?: DenseVector
  /** With `includeVectors`, where other passages have some: one a passage, undefined for those without. */
  readonly denseVectors?: readonly (DenseVector | undefined)[]
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
  /** What is compared; default: as of a search. */
  readonly mode?: SearchMode
  /** How the model makes a vector of a text; default: as the collection was opened, else `'full'`. */
  readonly queryMode?: QueryMode
  /** Of the mode `'hybrid'`: how its lists are fused; default: as of a search. */
  readonly fusion?: HybridFusion
  /** Of the modes that have a dense list: how it is searched; default: as of a search. */
  readonly denseStrategy?: DenseStrategy
  /** The filter of the search that is explained: a fused score depends on what the others have. */
  readonly filter?: unknown
}

/** Which documents the lists of a query have, how many, and how the query is understood. */
export interface RankedListsOptions
  extends Pick<CollectionSearchOptions, 'filter' | 'namespace' | 'queryMode' | 'signal'> {
  /** Hits of each list, a whole number from 1; default 1,000. */
  readonly depth?: number
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

/** What the words of a collection cost. */
export interface LexicalStats {
  readonly settings: WordTermSettings
  /** Of the postings, those of words, the dead among them. */
  readonly numPostings: number
  /** Words of an entry on average, over all that were ever written: what BM25 goes by now. */
  readonly averageLength: number
}

/**
 * A collection as it was at one point in time: writes, deletes and merges that follow do not change
 * what it shows. It keeps the store from using again the room of what was deleted since, so close it.
 */
export class CollectionSnapshot {
  readonly #view: View
  readonly #context: CollectionContext
  #closed = false
  #keys: DocumentKeys | undefined

  /** @internal The snapshot releases the view when it is closed. */
  constructor(view: View, context: CollectionContext) {
    this.#view = view
    this.#context = context
  }

  /**
   * The best documents for a text, a vector, or vectors. The order is by score, then by when a document
   * was written (where the first documents of each list are fused: as the first list has them); each is
   * found by its best passage.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR`, `FILTER_INVALID`; `KEY_NOT_FOUND` for
   *   `searchAfter`; `COLLECTION_MISMATCH`; `ABORTED`; `COLLECTION_CORRUPT`; `COLLECTION_CLOSED`
   */
  async search(
    query: CollectionQuery,
    options: CollectionSearchOptions = {}
  ): Promise<CollectionResult> {
    this.#checkOpen()
    const { settings } = this.#context
    const { k, depth, ...request } = checkSearch(options, this.#view, settings)
    const stopwatch = new Stopwatch()
    const encoded = await encodeQuery(query, options, this.#view, this.#context)
    this.#checkOpen()
    stopwatch.lap('encode')
    await this.#openGraphs(encoded, request.walk)
    const selection = { ...request, k: depth }
    const first = findDocuments(encoded, selection, this.#view, this.#context)
    stopwatch.lap('search', first.parts)
    const ranksBefore = options.searchAfter?.rank ?? 0
    let reranker: string | undefined
    let hits: readonly CollectionHit[] = first.hits.map((hit, i) =>
      this.#hit(hit, ranksBefore + i + 1, options)
    )
    stopwatch.lap('read')
    if (options.rerank !== undefined) {
      const { hits: found } = first
      const stage = { query, hits, found, view: this.#view, context: this.#context }
      const reranked = await rerankHits(stage, options.rerank, { k, signal: options.signal })
      hits = reranked.hits
      reranker = reranked.name
      stopwatch.lap('rerank', reranked.parts)
    }
    if (options.explain) {
      hits = await Promise.all(
        hits.map(async hit => {
          this.#checkOpen()
          const own = await first.explain(this.#stored(hit.key, options.namespace))
          return explainedHit(hit, own, reranker)
        })
      )
      stopwatch.lap('explain')
    }
    return {
      hits,
      rankSafe: isRankSafe(request.strategy, first.stats),
      stages: stopwatch.stages,
      stats: first.stats
    }
  }

  /**
   * Why a document scores as it does, by its best passage; a document that matches no term has 0. In the
   * mode `'hybrid'` it has the sum of its true scores, or where the first documents of each list are fused,
   * 0 if none of them has it.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND`; else as {@link CollectionSnapshot.search}
   */
  async explain(
    query: CollectionQuery,
    key: string,
    options: ExplainOptions = {}
  ): Promise<HitExplanation> {
    this.#checkOpen()
    const request = checkSearch({ ...options, k: 1 }, this.#view, this.#context.settings)
    const document = this.#stored(key, options.namespace)
    const encoded = await encodeQuery(query, options, this.#view, this.#context)
    this.#checkOpen()
    await this.#openGraphs(encoded, request.walk)
    return explainIn(request, encoded, document, this.#view, this.#context)
  }

  /**
   * The rankings that the mode `'hybrid'` fuses, each by itself, in the order in which they are fused and
   * with their default weights: for a fusion of one's own, and to learn weights from (`tuneFusion`). The
   * dense one is exact, whether the collection keeps graphs or not.
   *
   * @throws EsplanadeError as {@link CollectionSnapshot.search}
   */
  async rankedLists(
    query: CollectionQuery,
    options: RankedListsOptions = {}
  ): Promise<FusionList[]> {
    this.#checkOpen()
    const { depth = DEFAULT_DEPTH, ...others } = options
    const { scope, strategy } = checkSearch({ ...others, k: 1 }, this.#view, this.#context.settings)
    const wanted = { ...options, mode: 'hybrid', fusion: { method: 'convex', depth } } as const
    const encoded = await encodeQuery(query, wanted, this.#view, this.#context)
    this.#checkOpen()
    if (encoded.mode !== 'hybrid') throw new Error('a hybrid query was asked for')
    const { metric } = this.#context.settings
    const selection = { scope, strategy, metric, walk: undefined }
    const { vectors, plan } = encoded
    const stopwatch = new Stopwatch()
    const lists = searchLists({ view: this.#view, vectors, selection, stopwatch }, plan)
    this.#keys ??= new DocumentKeys(this.#view)
    return listsByKey(lists, this.#keys, scope.namespace, this.#view)
  }

  /**
   * The sparse vector that a query is searched with, words included where they are compared.
   *
   * @throws EsplanadeError as {@link CollectionSnapshot.search}
   */
  async queryVector(
    query: CollectionQuery,
    options: QueryVectorOptions = {}
  ): Promise<SparseVector> {
    this.#checkOpen()
    if (options.queryMode !== undefined) checkQueryMode(options.queryMode)
    const { settings } = this.#context
    checkSparseMode(options.mode, settings)
    const parts = queryParts(query, settings)
    const mode = options.mode ?? sparseModeOf(settings, parts)
    return queryVector(parts, mode, this.#view, this.#context, options)
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
      segmentBytes: sum(
        records.map(
          ({ fileBytes, columnsBytes, dense }) => fileBytes + columnsBytes + (dense?.bytes ?? 0)
        )
      )
    }
  }

  /** What the words cost; undefined for a collection without lexical terms. */
  async lexicalStats(): Promise<LexicalStats | undefined> {
    this.#checkOpen()
    const { words } = this.#context
    if (words === undefined) return undefined
    const { segments, deltas, store } = this.#view
    const { firstTermId } = words.settings
    let numPostings = 0
    for (const { segment } of segments) numPostings += segment.numPostingsFrom(firstTermId)
    for (const { delta, numEntries } of deltas) {
      numPostings += delta.numPostingsFrom(firstTermId, numEntries)
    }
    const average = averageLength(store.wordStatistics())
    return { settings: words.settings, numPostings, averageLength: average }
  }

  /** What the dense vectors cost; undefined for a collection that searches none. */
  async denseStats(): Promise<DenseStats | undefined> {
    this.#checkOpen()
    return denseStatsOf(this.#view, this.#context.settings)
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

  /** Where they will be walked. */
  async #openGraphs({ mode }: EncodedQuery, walk: GraphWalk | undefined): Promise<void> {
    if (walk === undefined || (mode !== 'dense' && mode !== 'hybrid')) return
    await openGraphs(this.#view)
    this.#checkOpen()
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
      ...(includeVectors && this.#parts(this.#view.store.vectors(seq)!))
    }
  }

  /** What users see of stored vectors: the words apart. */
  #parts({ passages }: StoredVectors): Pick<CollectionDocument, 'vectors' | 'lexicalVectors'> {
    const { words } = this.#context
    if (words === undefined) return { vectors: passages }
    return {
      vectors: passages.map(vector => words.modelPart(vector)),
      lexicalVectors: passages.map(vector => words.wordPart(vector))
    }
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
      ...(vectors && this.#parts(vectors)),
      ...(vectors && denseParts(vectors, this.#context.settings.dense))
    }
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
