import type { DenseEncoder } from '../encoder/dense-encoder.ts'
import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { WordTerms } from '../lexical/word-terms.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { NO_TERMS, pruningOf, type SparseVector } from '../vector/sparse-vector.ts'
import { type DensePassage, storedDense } from './dense-passages.ts'
import type { Pace } from './pace.ts'
import { unpackDense } from './passage-dense.ts'
import { textsOf } from './passage-spans.ts'
import type { CollectionSettings } from './settings.ts'
import type {
  DocumentStore,
  EncodedDocument,
  Removal,
  StoredDocument,
  StoredVectors,
  StoreSnapshot,
  WordStatistics
} from './store.ts'
import { statisticsAfter, withWords } from './word-statistics.ts'

/** Documents of a batch, and UTF-16 units of their texts. */
const BATCH_DOCUMENTS = 500
const BATCH_TEXT = 2 ** 22

/** Keys that a message names. */
const SHOWN_KEYS = 5

/** The models that make new vectors; those that the other kind has stay as they are. */
export interface NewModels {
  readonly sparse: SparseEncoder | undefined
  readonly dense: DenseEncoder | undefined
}

/** What was encoded. */
export interface Encoded {
  readonly numDocuments: number
  readonly numPassages: number
  /** Passages that the model read in part only. */
  readonly numTruncated: number
}

/**
 * Refuses documents of which only the vectors are there: no model can make them anew.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`, which names the first of them; `ABORTED`
 */
export async function refuseVectorsOnly(
  snapshot: StoreSnapshot,
  models: NewModels,
  before: CollectionSettings,
  pace: Pace
): Promise<void> {
  const keys: string[] = []
  let count = 0
  for (const seq of snapshot.seqs(1, snapshot.state.lastSeq)) {
    const document = snapshot.document(seq)!
    if (isVectorsOnly(document, snapshot.vectors(seq)!, models, before)) {
      count++
      if (keys.length < SHOWN_KEYS) keys.push(JSON.stringify(document.key))
    }
    if (pace.isDue()) await pace.turn()
  }
  if (count > 0) throw vectorsOnly(count, keys)
}

/**
 * Counts the words of the documents behind the first so many, so that their weights go by the mean
 * length of all, not of those that were encoded before them.
 *
 * @param after - the number of the last document that was counted
 */
export async function countWords(
  snapshot: StoreSnapshot,
  words: WordTerms,
  before: WordStatistics,
  after: number,
  pace: Pace
): Promise<WordStatistics> {
  let statistics = before
  for (const seq of snapshot.seqs(after + 1, snapshot.state.lastSeq)) {
    const counts = textsOf(snapshot.document(seq)!).map(text => words.count(text))
    statistics = statisticsAfter(statistics, [{ words: counts }])
    if (pace.isDue()) await pace.turn()
  }
  return statistics
}

/** Words that become terms, and the statistics that all their weights go by. */
export interface CountedWords {
  readonly terms: WordTerms
  readonly statistics: WordStatistics
}

/** Whether a passage has a vector of a kind that is to be made anew, and no text. */
function isVectorsOnly(
  document: StoredDocument,
  { passages, dense }: StoredVectors,
  models: NewModels,
  before: CollectionSettings
): boolean {
  const texts = textsOf(document)
  if (texts.every(text => text.trim() !== '')) return false
  const dimensions = before.dense?.dimensions ?? dense?.length ?? 0
  const own = unpackDense(dense, passages.length, dimensions, () => `document ${document.seq}`)
  return texts.some((text, i) => {
    if (text.trim() !== '') return false
    const isSparse = models.sparse !== undefined && passages[i]!.terms.length > 0
    return isSparse || (models.dense !== undefined && own[i] !== undefined)
  })
}

function vectorsOnly(count: number, keys: readonly string[]): EsplanadeError {
  const more = count > keys.length ? ' …' : ''
  return new EsplanadeError('INVALID_ARGUMENT', {
    problem: `${count} documents have vectors and no text: ${keys.join(', ')}${more}`,
    expected: 'documents with the texts that the new model is to encode',
    remedy: 'Delete them, or write them again with their texts'
  })
}

/**
 * Brings a store to what another one holds, with the vectors of another model: removes what is not
 * there any more, and encodes and adds what came behind its last document. Numbers stay, and with them
 * the order of documents. What it has is always a whole beginning of the other, so it can be stopped
 * anywhere and gone on with.
 *
 * @param after - called after each batch
 * @throws EsplanadeError `ABORTED`, `INVALID_ARGUMENT`, `FILE_UNWRITABLE`, `RUNTIME_FAILED`
 */
export async function reencodeStore(
  from: StoreSnapshot,
  to: DocumentStore,
  models: NewModels,
  options: {
    readonly settings: CollectionSettings
    /** Those of the other store. */
    readonly before: CollectionSettings
    /** Undefined where words are no terms. */
    readonly words: CountedWords | undefined
    readonly pace: Pace
    readonly signal: AbortSignal | undefined
    readonly after: (encoded: Encoded) => Promise<void>
  }
): Promise<void> {
  await removeGone(from, to, options.pace)
  const { lastSeq } = stateOf(to)
  let batch: StoredDocument[] = []
  let textLength = 0
  const write = async (): Promise<void> => {
    const encoded = await writeEncoded(batch, from, to, models, options)
    batch = []
    textLength = 0
    await options.after(encoded)
  }
  for (const seq of from.seqs(lastSeq + 1, from.state.lastSeq)) {
    const document = from.document(seq)!
    if (isVectorsOnly(document, from.vectors(seq)!, models, options.before)) {
      throw vectorsOnly(1, [JSON.stringify(document.key)])
    }
    batch.push(document)
    textLength += document.text.length
    if (batch.length >= BATCH_DOCUMENTS || textLength >= BATCH_TEXT) await write()
  }
  if (batch.length > 0) await write()
}

function stateOf(store: DocumentStore): StoreSnapshot['state'] {
  const snapshot = store.snapshot()
  const { state } = snapshot
  snapshot.close()
  return state
}

/** Removes the documents that the other store has no more: both are walked by ascending number. */
async function removeGone(from: StoreSnapshot, to: DocumentStore, pace: Pace): Promise<void> {
  const snapshot = to.snapshot()
  let gone: Removal[] = []
  try {
    const { lastSeq } = snapshot.state
    const there = from.seqs(1, lastSeq)[Symbol.iterator]()
    let next = there.next()
    for (const seq of snapshot.seqs(1, lastSeq)) {
      while (!next.done && next.value < seq) next = there.next()
      if (next.done || next.value !== seq) {
        const { namespace, key } = snapshot.document(seq)!
        gone.push({ seq, namespace, key })
      }
      if (gone.length === BATCH_DOCUMENTS) {
        await to.write({ added: [], removed: gone })
        gone = []
      }
      if (pace.isDue()) await pace.turn()
    }
  } finally {
    snapshot.close()
  }
  if (gone.length > 0) await to.write({ added: [], removed: gone })
}

interface WriteOptions {
  readonly settings: CollectionSettings
  readonly words: CountedWords | undefined
  readonly signal: AbortSignal | undefined
}

async function writeEncoded(
  batch: readonly StoredDocument[],
  from: StoreSnapshot,
  to: DocumentStore,
  models: NewModels,
  options: WriteOptions
): Promise<Encoded> {
  const texts = batch.flatMap(textsOf).filter(text => text.trim() !== '')
  const counts = { numTruncated: 0 }
  const sparse = models.sparse && (await encodeSparse(texts, models.sparse, options, counts))
  const dense = models.dense && (await encodeDense(texts, models.dense, options, counts))
  const taken = { sparse: 0, dense: 0 }
  const added: EncodedDocument[] = batch.map(document => {
    const stored = from.vectors(document.seq)!
    const packed = dense
      ? newDense(document, () => dense[taken.dense++]!, options.settings)
      : stored.dense
    const withDense = packed && { dense: packed }
    // What is kept has its words in it already.
    if (sparse === undefined) {
      return to.encode(document, { passages: stored.passages, ...withDense })
    }
    const passages = newSparse(document, () => sparse[taken.sparse++]!, options)
    return to.encode(document, { passages, ...withDense })
  })
  const kept = options.settings.lexical && from.wordStatistics()
  const words = sparse === undefined ? kept : options.words?.statistics
  await to.write({ added, removed: [], ...(words && { words }) })
  return { numDocuments: batch.length, numPassages: texts.length, ...counts }
}

/** A text that both models read in part counts once, by the one that makes terms. */
function encodeSparse(
  texts: readonly string[],
  encoder: SparseEncoder,
  { settings, signal }: WriteOptions,
  counts: { numTruncated: number }
): Promise<SparseVector[]> {
  return encoder.encodeDocument(texts, {
    ...(signal && { signal }),
    ...pruningOf(settings),
    onProgress: ({ numTruncated }) => {
      counts.numTruncated = numTruncated
    }
  })
}

function encodeDense(
  texts: readonly string[],
  encoder: DenseEncoder,
  { signal }: WriteOptions,
  counts: { numTruncated: number }
): Promise<DenseVector[]> {
  const before = counts.numTruncated
  return encoder.encodeDocument(texts, {
    ...(signal && { signal }),
    onProgress: ({ numTruncated }) => {
      counts.numTruncated = Math.max(before, numTruncated)
    }
  })
}

function newDense(
  document: StoredDocument,
  next: () => DenseVector,
  { dense }: CollectionSettings
): Float32Array | undefined {
  const passages = textsOf(document).map(
    (text): DensePassage => (text.trim() === '' ? undefined : text)
  )
  return storedDense(passages, next, `document ${JSON.stringify(document.key)}`, dense)
}

function newSparse(
  document: StoredDocument,
  next: () => SparseVector,
  { words }: WriteOptions
): readonly SparseVector[] {
  const texts = textsOf(document)
  const passages = texts.map(text => {
    const vector = text.trim() === '' ? NO_TERMS : next()
    return words === undefined ? vector : words.terms.modelPart(vector)
  })
  if (words === undefined) return passages
  const counted = texts.map(text => words.terms.count(text))
  const joined = withWords({ vectors: { passages }, words: counted }, words.terms, words.statistics)
  return joined.passages
}
