import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { WordTerms } from '../lexical/word-terms.ts'
import { NO_TERMS, pruningOf } from '../vector/sparse-vector.ts'
import type { Pace } from './pace.ts'
import { textsOf } from './passage-spans.ts'
import type { CollectionSettings } from './settings.ts'
import type {
  DocumentStore,
  EncodedDocument,
  Removal,
  StoredDocument,
  StoreSnapshot,
  WordStatistics
} from './store.ts'
import { statisticsAfter, withWords } from './word-statistics.ts'

/** Documents of a batch, and UTF-16 units of their texts. */
const BATCH_DOCUMENTS = 500
const BATCH_TEXT = 2 ** 22

/** Keys that a message names. */
const SHOWN_KEYS = 5

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
export async function refuseVectorsOnly(snapshot: StoreSnapshot, pace: Pace): Promise<void> {
  const keys: string[] = []
  let count = 0
  for (const seq of snapshot.seqs(1, snapshot.state.lastSeq)) {
    const document = snapshot.document(seq)!
    if (isVectorsOnly(document, snapshot)) {
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

function isVectorsOnly(document: StoredDocument, snapshot: StoreSnapshot): boolean {
  const texts = textsOf(document)
  if (texts.every(text => text.trim() !== '')) return false
  const { passages } = snapshot.vectors(document.seq)!
  return texts.some((text, i) => text.trim() === '' && passages[i]!.terms.length > 0)
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
  encoder: SparseEncoder,
  options: {
    readonly settings: CollectionSettings
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
    const encoded = await writeEncoded(batch, from, to, encoder, options)
    batch = []
    textLength = 0
    await options.after(encoded)
  }
  for (const seq of from.seqs(lastSeq + 1, from.state.lastSeq)) {
    const document = from.document(seq)!
    if (isVectorsOnly(document, from)) throw vectorsOnly(1, [JSON.stringify(document.key)])
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

async function writeEncoded(
  batch: readonly StoredDocument[],
  from: StoreSnapshot,
  to: DocumentStore,
  encoder: SparseEncoder,
  {
    settings,
    words,
    signal
  }: {
    readonly settings: CollectionSettings
    readonly words: CountedWords | undefined
    readonly signal: AbortSignal | undefined
  }
): Promise<Encoded> {
  const texts = batch.flatMap(textsOf).filter(text => text.trim() !== '')
  let numTruncated = 0
  const encoded = await encoder.encodeDocument(texts, {
    ...(signal && { signal }),
    ...pruningOf(settings),
    onProgress: progress => {
      numTruncated = progress.numTruncated
    }
  })
  let next = 0
  const added: EncodedDocument[] = batch.map(document => {
    const passages = textsOf(document).map(text => {
      const vector = text.trim() === '' ? NO_TERMS : encoded[next++]!
      return words === undefined ? vector : words.terms.modelPart(vector)
    })
    const dense = from.vectors(document.seq)!.dense
    const vectors = { passages, ...(dense && { dense }) }
    if (words === undefined) return to.encode(document, vectors)
    const counts = textsOf(document).map(text => words.terms.count(text))
    return to.encode(document, withWords({ vectors, words: counts }, words.terms, words.statistics))
  })
  await to.write({ added, removed: [], ...(words && { words: words.statistics }) })
  return { numDocuments: batch.length, numPassages: texts.length, numTruncated }
}
