import { metadataToJson } from '../corpus/metadata.ts'
import type { DenseEncoder } from '../encoder/dense-encoder.ts'
import type { SparseEncoder, TextOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { Progress, TaskOptions } from '../progress.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { pruningOf, type SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { type DensePassage, denseTexts } from './dense-passages.ts'
import { unpackDense } from './passage-dense.ts'
import { type Splitter, splitText, textsOf } from './passage-spans.ts'
import type { StoredVectors, WordStatistics } from './store.ts'
import {
  type CheckedDocument,
  checkDocument,
  type UpsertDocument,
  withVectors
} from './upsert-documents.ts'
import type { View } from './view.ts'
import { statisticsAfter } from './word-statistics.ts'
import type { DocumentToWrite } from './writer.ts'

/** How far an upsert has come: `done` counts documents that are durable or were unchanged. */
export interface UpsertProgress extends Progress {
  /** Passages that the model has encoded; where there is a dense model only, those that it has. */
  readonly numEncoded: number
  /** Passages that the model read in part only, likewise. */
  readonly numTruncated: number
  /** Of the dense model, where there is one. */
  readonly dense?: Pick<UpsertProgress, 'numEncoded' | 'numTruncated'>
}

/** Options of an upsert. */
export interface UpsertOptions extends TaskOptions<UpsertProgress> {
  /**
   * Passes over documents that stand in the collection with the same text, passages, metadata and
   * ready vectors; those that the model makes are not made again. Default false: they are written
   * anew.
   */
  readonly onlyChanged?: boolean
  /**
   * The same documents once more, which are read first: where words are terms, the weights of all go by
   * the mean length of all then. Default: of an array it is known anyway; of a stream each batch goes
   * by the mean of what was written until then, itself included.
   */
  readonly preview?: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>
}

/** What an upsert did. */
export interface UpsertResult {
  /** Documents written. */
  readonly numWritten: number
  /** With `onlyChanged`: documents passed over. */
  readonly numUnchanged: number
  /** Passages that the model read in part only; where there is a dense model only, those that it did. */
  readonly numTruncated: number
  /** Passages that the dense model read in part only; absent where there is none. */
  readonly numDenseTruncated?: number
}

/** What an upsert needs of its collection. */
export interface UpsertTarget {
  readonly context: CollectionContext
  readonly view: () => View
  /** Resolves when there is room for more. */
  readonly room: () => Promise<void>
  readonly write: (
    documents: readonly DocumentToWrite[],
    wordsAhead: WordStatistics
  ) => Promise<number>
  /** Lets the event loop have a turn. */
  readonly pause: () => Promise<void>
}

/** Documents of a batch, and UTF-16 units of their texts. */
const BATCH_DOCUMENTS = 1000
/** Fewer where texts are encoded, so that little is encoded anew after an interruption. */
const BATCH_ENCODED = 512
const BATCH_TEXT = 2 ** 23

/** The event loop gets a turn after so many milliseconds of checking. */
const SLICE_MS = 0.5

/** Checks, encodes and writes documents, batch after batch; a batch is encoded while one is written. */
export async function upsertAll(
  documents: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>,
  target: UpsertTarget,
  options: UpsertOptions
): Promise<UpsertResult> {
  return new Upsert(target, options).run(documents)
}

class Upsert {
  readonly #target: UpsertTarget
  readonly #options: UpsertOptions
  readonly #keys = new Set<string>()
  #encoder: SparseEncoder | undefined
  #denseEncoder: DenseEncoder | undefined
  #pausedAt = performance.now()
  #numSeen = 0
  #numWritten = 0
  #numUnchanged = 0
  readonly #sparse: Encoding = { numEncoded: 0, numTruncated: 0 }
  readonly #dense: Encoding = { numEncoded: 0, numTruncated: 0 }
  /** Words of documents that are known to follow. */
  #wordsAhead: WordStatistics = { numEntries: 0, numWords: 0 }
  /** The batch that is being written; one more is encoded beside it. */
  #writing: Promise<void> = Promise.resolve()

  constructor(target: UpsertTarget, options: UpsertOptions) {
    this.#target = target
    this.#options = options
  }

  async run(
    documents: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>
  ): Promise<UpsertResult> {
    try {
      if (this.#options.preview !== undefined) await this.#readAhead(this.#options.preview)
      // What is in memory already is checked before anything is written.
      if (Array.isArray(documents)) await this.#writeArray(documents)
      else await this.#writeStream(documents)
    } finally {
      // Nothing is under way when the caller hears of a mistake.
      await this.#writing.catch(() => undefined)
    }
    await this.#writing
    return {
      numWritten: this.#numWritten,
      numUnchanged: this.#numUnchanged,
      numTruncated: this.#main.numTruncated,
      ...(this.#hasDenseModel && { numDenseTruncated: this.#dense.numTruncated })
    }
  }

  async #writeArray(documents: readonly UpsertDocument[]): Promise<void> {
    const checked: CheckedDocument[] = []
    for (const document of documents) checked.push(await this.#check(document))
    if (this.#options.preview === undefined) {
      for (const one of checked) await this.#countAhead(one, 1)
    }
    for (let first = 0; first < checked.length; first += this.#batchDocuments) {
      await this.#batch(checked.slice(first, first + this.#batchDocuments))
    }
  }

  /** Counts the words of documents that will come. One that is wrong is met when it comes. */
  async #readAhead(
    documents: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>
  ): Promise<void> {
    const { settings, words } = this.#target.context
    if (words === undefined) return
    for await (const document of documents) {
      this.#checkSignal()
      if (typeof document?.text !== 'string') continue
      const { text } = document
      const isSplit = document.vector === undefined && (settings.passageTokens ?? 0) > 0
      const splitter = isSplit ? await this.#splitter() : undefined
      const spans = document.passages ?? splitText(document, settings, splitter)
      const passages = spans.map(({ start, end }) => [start, end] as const)
      await this.#countAhead({ document: { text, passages } }, 1)
    }
  }

  /** @param sign - 1 for a document that is to come, −1 for one that has come */
  async #countAhead(
    { document }: { readonly document: Parameters<typeof textsOf>[0] },
    sign: number
  ): Promise<void> {
    const { words } = this.#target.context
    if (words === undefined) return
    const counts = textsOf(document).map(text => words.count(text))
    this.#addAhead({ words: counts }, sign)
    await this.#turn()
  }

  #addAhead(item: Pick<DocumentToWrite, 'words'>, sign: number): void {
    const own = statisticsAfter({ numEntries: 0, numWords: 0 }, [item])
    const { numEntries, numWords } = this.#wordsAhead
    // A stream may bring what its preview did not have.
    this.#wordsAhead = {
      numEntries: Math.max(0, numEntries + sign * own.numEntries),
      numWords: Math.max(0, numWords + sign * own.numWords)
    }
  }

  async #writeStream(
    documents: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>
  ): Promise<void> {
    let batch: CheckedDocument[] = []
    let textLength = 0
    for await (const document of documents) {
      const checked = await this.#check(document)
      batch.push(checked)
      textLength += checked.document.text.length
      if (batch.length < this.#batchDocuments && textLength < BATCH_TEXT) continue
      await this.#batch(batch)
      batch = []
      textLength = 0
    }
    if (batch.length > 0) await this.#batch(batch)
  }

  get #batchDocuments(): number {
    const isEncoded = this.#encoder !== undefined || this.#hasDenseModel
    return isEncoded ? BATCH_ENCODED : BATCH_DOCUMENTS
  }

  get #hasDenseModel(): boolean {
    return this.#target.context.denseEncoder !== undefined
  }

  /** What the model has done; where there is a dense one only, what that has. */
  get #main(): Encoding {
    const { settings } = this.#target.context
    return settings.model === undefined && this.#hasDenseModel ? this.#dense : this.#sparse
  }

  /** What counts the tokens of passages: the model, else the dense model, else nothing. */
  async #splitter(): Promise<Splitter | undefined> {
    const { settings, encoder, denseEncoder } = this.#target.context
    if (settings.model === undefined) {
      return (settings.passageTokens ?? 0) > 0 ? denseEncoder?.get() : undefined
    }
    this.#encoder ??= await encoder.get()
    return this.#encoder
  }

  async #check(document: UpsertDocument): Promise<CheckedDocument> {
    const { settings } = this.#target.context
    const place = `document ${++this.#numSeen}`
    const isText = document?.vector === undefined
    const splitter = isText ? await this.#splitter() : undefined
    const checked = checkDocument(document, place, settings, splitter)
    const { namespace, key } = checked.document
    const name = `${namespace}\0${key}`
    if (this.#keys.has(name)) {
      throw new EsplanadeError('DUPLICATE_KEY', {
        place,
        problem: `the key ${JSON.stringify(key)} was given before in this call`,
        expected: 'a key of its own for every document',
        remedy: 'Leave one of the two out, or write them one call after the other'
      })
    }
    this.#keys.add(name)
    await this.#turn()
    return checked
  }

  /** Lets the event loop have a turn when it is due. */
  async #turn(): Promise<void> {
    if (performance.now() - this.#pausedAt < SLICE_MS) return
    await this.#target.pause()
    this.#pausedAt = performance.now()
  }

  async #batch(checked: readonly CheckedDocument[]): Promise<void> {
    this.#checkSignal()
    const wanted = this.#options.onlyChanged
      ? checked.filter(document => !this.#isUnchanged(document))
      : checked
    this.#numUnchanged += checked.length - wanted.length
    if (this.#wordsAhead.numEntries > 0 && wanted.length < checked.length) {
      const kept = new Set(wanted)
      for (const one of checked) if (!kept.has(one)) await this.#countAhead(one, -1)
    }
    const ready = await this.#encode(wanted)
    for (const one of ready) this.#addAhead(one, -1)
    const wordsAhead = this.#wordsAhead
    await this.#writing
    await this.#target.room()
    this.#checkSignal()
    this.#writing = this.#write(ready, wordsAhead)
    // Its error is met where it is awaited.
    this.#writing.catch(() => undefined)
  }

  async #write(documents: readonly DocumentToWrite[], wordsAhead: WordStatistics): Promise<void> {
    if (documents.length > 0) this.#numWritten += await this.#target.write(documents, wordsAhead)
    this.#report()
  }

  /** Encodes the texts of a batch. */
  async #encode(checked: readonly CheckedDocument[]): Promise<DocumentToWrite[]> {
    const vectors = await this.#encodeSparse(checked)
    const denseVectors = await this.#encodeDense(checked)
    let numTaken = 0
    let numDenseTaken = 0
    const next = {
      sparse: () => vectors[numTaken++]!,
      dense: () => denseVectors[numDenseTaken++]!
    }
    const { settings, words } = this.#target.context
    const ready: DocumentToWrite[] = []
    for (const document of checked) {
      ready.push(withVectors(document, next, settings, words))
      await this.#turn()
    }
    return ready
  }

  async #encodeSparse(checked: readonly CheckedDocument[]): Promise<SparseVector[]> {
    const texts = checked.flatMap(sparseTexts)
    if (texts.length === 0) return []
    return this.#encoder!.encodeDocument(texts, {
      ...this.#encodeOptions(this.#sparse),
      ...pruningOf(this.#target.context.settings)
    }).catch(error => {
      throw ofDocument(error, checked, sparseTexts)
    })
  }

  async #encodeDense(checked: readonly CheckedDocument[]): Promise<DenseVector[]> {
    const textsOfDense = ({ dense }: CheckedDocument): string[] => denseTexts(dense)
    const texts = checked.flatMap(textsOfDense)
    if (texts.length === 0) return []
    this.#denseEncoder ??= await this.#target.context.denseEncoder!.get()
    const options = this.#encodeOptions(this.#dense)
    return this.#denseEncoder.encodeDocument(texts, options).catch(error => {
      throw ofDocument(error, checked, textsOfDense)
    })
  }

  #encodeOptions(counts: Encoding): TextOptions {
    const { signal } = this.#options
    const { numEncoded, numTruncated } = counts
    return {
      ...(signal && { signal }),
      onProgress: progress => {
        counts.numEncoded = numEncoded + progress.done
        counts.numTruncated = numTruncated + progress.numTruncated
        this.#report()
      }
    }
  }

  #isUnchanged(checked: CheckedDocument): boolean {
    const { document } = checked
    const { store } = this.#target.view()
    const seq = store.seqOf(document.namespace, document.key)
    const stored = seq === undefined ? undefined : store.document(seq)
    return (
      stored !== undefined &&
      stored.text === document.text &&
      JSON.stringify(stored.passages) === JSON.stringify(document.passages) &&
      canonical(metadataToJson(stored.metadata)) === canonical(metadataToJson(document.metadata)) &&
      (!hasReady(checked) || this.#hasSameReady(checked, store.vectors(seq!)!))
    )
  }

  /** Whether the vectors that were given are those that are stored. */
  #hasSameReady({ passages, dense }: CheckedDocument, stored: StoredVectors): boolean {
    if (dense !== undefined && !this.#hasSameDense(dense, stored)) return false
    const { words } = this.#target.context
    return passages.every((part, i) => {
      if (typeof part === 'string') return true
      const whole = stored.passages[i]!
      const { terms, weights } = words === undefined ? whole : words.modelPart(whole)
      return isSame(part.terms, terms) && isSame(part.weights, weights)
    })
  }

  #hasSameDense(given: readonly DensePassage[], { dense }: StoredVectors): boolean {
    const { settings } = this.#target.context
    if (settings.dense === undefined) return isSame(given[0] as DenseVector, dense)
    const { dimensions } = settings.dense
    const stored = unpackDense(dense, given.length, dimensions, () => 'document')
    return given.every(
      (part, i) => part === undefined || typeof part === 'string' || isSame(part, stored[i])
    )
  }

  #report(): void {
    this.#options.onProgress?.({
      done: this.#numWritten + this.#numUnchanged,
      ...this.#main,
      ...(this.#hasDenseModel && { dense: { ...this.#dense } })
    })
  }

  #checkSignal(): void {
    if (!this.#options.signal?.aborted) return
    throw new EsplanadeError('ABORTED', {
      problem: `stopped after ${this.#numWritten} documents, which are written`,
      cause: this.#options.signal.reason
    })
  }
}

/** How much one model has encoded. */
interface Encoding {
  numEncoded: number
  numTruncated: number
}

function sparseTexts({ passages }: CheckedDocument): string[] {
  return passages.filter(part => typeof part === 'string')
}

/** An error of a text, with the key of its document. */
function ofDocument(
  error: unknown,
  checked: readonly CheckedDocument[],
  textsOfOne: (document: CheckedDocument) => readonly string[]
): unknown {
  if (!(error instanceof EsplanadeError) || error.textIndex === undefined) return error
  const owners = checked.flatMap(one => textsOfOne(one).map(() => one.document.key))
  const { code, problem, expected, remedy } = error
  const place = `document ${JSON.stringify(owners[error.textIndex])}`
  return new EsplanadeError(code, { place, problem, expected, remedy, cause: error })
}

function hasReady({ passages, dense }: CheckedDocument): boolean {
  const hasDense = dense?.some(part => part !== undefined && typeof part !== 'string') ?? false
  return hasDense || passages.some(part => typeof part !== 'string')
}

function isSame(a: ArrayLike<number>, b: ArrayLike<number> | undefined): boolean {
  if (a.length !== b?.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** JSON with the fields of each object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part
  )
}
