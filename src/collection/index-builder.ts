import type { CorpusRecord, Document, RawVector } from '../corpus/document.ts'
import { rejectDuplicates } from '../corpus/duplicates.ts'
import { splitPassages } from '../corpus/passages.ts'
import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { Progress, TaskOptions } from '../progress.ts'
import type { SparseIndex } from '../search/sparse-index.ts'
import { SparseIndexBuilder } from '../search/sparse-index-builder.ts'
import type { Metric } from '../vector/similarity.ts'
import { type SparseVector, sparseVectorFromEntries } from '../vector/sparse-vector.ts'
import type { DocumentWriter, StoredDocument } from './document-store.ts'
import { passageKey } from './passage-key.ts'

/** How far indexing has come: `done` counts documents. */
export interface IndexProgress extends Progress {
  /** Passages handed to the model so far; it works on some hundreds at a time. */
  readonly numQueued: number
  /** Passages of those that are encoded. */
  readonly numEncoded: number
  /** Passages that the model read in part only. */
  readonly numTruncated: number
}

/** How documents become an index. */
export interface IndexOptions extends TaskOptions<IndexProgress> {
  /**
   * Splits texts of more tokens than this into passages: a number for all documents, 0 for none.
   * Default: the encoder's `maxTokens` for Markdown, HTML and text files, none for other formats,
   * so that figures on test collections compare.
   */
  readonly passageTokens?: number
  /** Default `'dot'`. */
  readonly metric?: Metric
  /** Stops at the first record that is not a document instead of skipping it. */
  readonly strict?: boolean
  /** Hears of every record that is skipped. */
  readonly onProblem?: (error: EsplanadeError) => void
  /** Keeps the heaviest terms of each vector. */
  readonly topTokens?: number
  /** Keeps terms of at least this weight. */
  readonly minWeight?: number
}

/** What {@link buildIndex} made. */
export interface BuiltIndex {
  readonly index: SparseIndex
  readonly numDocuments: number
  readonly numPassages: number
  readonly numTruncated: number
  /** Records that were skipped. */
  readonly numProblems: number
}

/** A document with what is to be encoded of it, in the order in which it goes into the index. */
interface Pending {
  readonly stored: StoredDocument
  /** A ready vector; otherwise the encoder gives one for each passage. */
  readonly vector: SparseVector | undefined
}

/** The vector of a blank text: no query finds it. */
const NO_TERMS: SparseVector = { terms: new Uint32Array(0), weights: new Float32Array(0) }

/** The special tokens at either end count as the model's, not as the passage's. */
const NUM_SPECIAL_TOKENS = 2

/**
 * Encodes documents, adds them to an index in the order of the records and hands them to `writer`.
 * Memory holds the vectors of the index, not the texts. A blank text is kept with an empty vector.
 *
 * @param encoder - undefined when all records carry vectors
 * @throws EsplanadeError the first problem when `strict`; `ABORTED`; `INVALID_ARGUMENT`
 */
export async function buildIndex(
  records: AsyncIterable<CorpusRecord>,
  encoder: SparseEncoder | undefined,
  writer: DocumentWriter,
  options: IndexOptions = {}
): Promise<BuiltIndex> {
  checkPassageTokens(options.passageTokens)
  const build = new IndexBuild(encoder, writer, options)
  const texts = build.textsOf(records)
  if (encoder === undefined) {
    for await (const _ of texts) throw new Error('a text without an encoder')
  } else {
    const { signal, topTokens, minWeight } = options
    const vectors = encoder.encodeDocument(texts, {
      ...(signal && { signal }),
      ...(topTokens !== undefined && { topTokens }),
      ...(minWeight !== undefined && { minWeight }),
      onProgress: ({ done, numTruncated }) => build.encoded(done, numTruncated)
    })
    for await (const vector of vectors) await build.take(vector)
  }
  return build.finish()
}

/** A limit without meaning is one mistake of the caller's, not one of every record. */
function checkPassageTokens(passageTokens: number | undefined): void {
  if (passageTokens === undefined || passageTokens === 0) return
  if (Number.isInteger(passageTokens) && passageTokens > NUM_SPECIAL_TOKENS) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'passageTokens',
    problem: `${passageTokens} is out of range`,
    expected: `0, or a whole number from ${NUM_SPECIAL_TOKENS + 1}`
  })
}

class IndexBuild {
  readonly #encoder: SparseEncoder | undefined
  readonly #writer: DocumentWriter
  readonly #options: IndexOptions
  readonly #builder = new SparseIndexBuilder()
  readonly #pending: Pending[] = []
  #firstPending = 0
  #passagesTaken = 0
  #numDocuments = 0
  #numPassages = 0
  #numQueued = 0
  #numEncoded = 0
  #numTruncated = 0
  #numProblems = 0

  constructor(encoder: SparseEncoder | undefined, writer: DocumentWriter, options: IndexOptions) {
    this.#encoder = encoder
    this.#writer = writer
    this.#options = options
  }

  /** Queues every document and yields the texts to encode: its passages, unless it has a vector. */
  async *textsOf(records: AsyncIterable<CorpusRecord>): AsyncGenerator<string> {
    for await (const record of rejectDuplicates(records)) {
      if (this.#options.signal?.aborted) throw this.#aborted()
      if (record.kind === 'problem') {
        this.#problem(record.error)
        continue
      }
      let pending: Pending
      try {
        pending = this.#prepare(record.document, record.format, record.place)
      } catch (error) {
        if (!(error instanceof EsplanadeError)) throw error
        this.#problem(error)
        continue
      }
      this.#pending.push(pending)
      if (pending.vector !== undefined) {
        await this.#drainReady()
        continue
      }
      const { text, passages } = pending.stored
      this.#numQueued += passages?.length ?? 1
      if (passages === undefined) yield text
      else for (const [start, end] of passages) yield text.slice(start, end)
    }
  }

  /** Takes the vector of the next passage in line. */
  async take(vector: SparseVector): Promise<void> {
    const { stored } = this.#pending[this.#firstPending]!
    const numPassages = stored.passages?.length ?? 1
    this.#builder.add(passageKey(stored.key, this.#passagesTaken, numPassages), vector)
    this.#numPassages++
    if (++this.#passagesTaken === numPassages) await this.#finishFirst()
    await this.#drainReady()
  }

  /** The encoder's own counts, batch by batch. */
  encoded(numEncoded: number, numTruncated: number): void {
    this.#numEncoded = numEncoded
    this.#numTruncated = numTruncated
    this.#report()
  }

  async finish(): Promise<BuiltIndex> {
    const { metric = 'dot', signal } = this.#options
    if (signal?.aborted) throw this.#aborted()
    this.#report()
    return {
      index: await this.#builder.finish({ metric }),
      numDocuments: this.#numDocuments,
      numPassages: this.#numPassages,
      numTruncated: this.#numTruncated,
      numProblems: this.#numProblems
    }
  }

  #prepare(document: Document, format: string, place: string): Pending {
    const { key, text, metadata } = document
    if (document.vector !== undefined) {
      const vector = this.#resolve(document.vector, place)
      return { stored: { key, text, metadata }, vector }
    }
    // A text of nothing would be found by what the model makes of nothing.
    if (text.trim() === '') return { stored: { key, text, metadata }, vector: NO_TERMS }
    const encoder = this.#encoder
    if (encoder === undefined) {
      throw new EsplanadeError('CORPUS_INVALID', {
        place,
        problem: 'the record has no vector, and no model was named to make one',
        remedy: 'Name a model, or give every record a vector'
      })
    }
    const passages = this.#passagesOf(document, format, encoder)
    const stored =
      passages === undefined ? { key, text, metadata } : { key, text, metadata, passages }
    return { stored, vector: undefined }
  }

  /** The passages of a document, or undefined where it stays whole. */
  #passagesOf(
    { text, borders }: Document,
    format: string,
    encoder: SparseEncoder
  ): [number, number][] | undefined {
    const isFile = format === 'markdown' || format === 'html' || format === 'text'
    const maxTokens = this.#options.passageTokens ?? (isFile ? encoder.maxTokens : 0)
    if (maxTokens === 0) return undefined
    const passages = splitPassages(text, {
      maxTokens: maxTokens - NUM_SPECIAL_TOKENS,
      countTokens: part => encoder.tokenizer.countTokens(part),
      ...(borders && { borders })
    })
    return passages.length < 2 ? undefined : passages.map(({ start, end }) => [start, end])
  }

  #resolve(raw: RawVector, place: string): SparseVector {
    const vocabulary = this.#encoder?.vocabulary
    if (raw.kind === 'terms') {
      const { terms } = raw.vector
      const last = terms.length === 0 ? 0 : terms[terms.length - 1]!
      if (vocabulary !== undefined && last >= vocabulary.size) {
        throw new EsplanadeError('INVALID_VECTOR', {
          place,
          problem: `term id ${last} lies outside the model's vocabulary`,
          expected: `ids below ${vocabulary.size}`,
          remedy: 'Name the model that made the vectors, or --model none'
        })
      }
      return raw.vector
    }
    const entries = raw.entries.map(([token, weight]) => {
      const termId = vocabulary?.idOf(token)
      if (termId !== undefined) return [termId, weight] as const
      throw new EsplanadeError('INVALID_VECTOR', {
        place,
        problem: `"${token}" is not in the vocabulary${vocabulary ? '' : ': no model was named'}`,
        expected: 'terms of the model that made the vectors',
        remedy: 'Name that model'
      })
    })
    return sparseVectorFromEntries(entries, place)
  }

  #problem(error: EsplanadeError): void {
    if (this.#options.strict) throw error
    this.#numProblems++
    this.#options.onProblem?.(error)
  }

  /** Adds the documents at the head of the queue that need no encoder. */
  async #drainReady(): Promise<void> {
    for (;;) {
      const { stored, vector } = this.#pending[this.#firstPending] ?? {}
      if (stored === undefined || vector === undefined) return
      this.#builder.add(stored.key, vector)
      this.#numPassages++
      await this.#finishFirst()
      // For documents that it encodes the encoder reports.
      this.#report()
    }
  }

  async #finishFirst(): Promise<void> {
    await this.#writer.add(this.#pending[this.#firstPending]!.stored)
    this.#passagesTaken = 0
    this.#numDocuments++
    if (++this.#firstPending === 1024) {
      this.#pending.splice(0, this.#firstPending)
      this.#firstPending = 0
    }
  }

  #report(): void {
    this.#options.onProgress?.({
      done: this.#numDocuments,
      numQueued: this.#numQueued,
      numEncoded: this.#numEncoded,
      numTruncated: this.#numTruncated
    })
  }

  #aborted(): EsplanadeError {
    return new EsplanadeError('ABORTED', {
      problem: `indexing was stopped after ${this.#numDocuments} documents`,
      cause: this.#options.signal?.reason
    })
  }
}
