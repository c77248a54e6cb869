import type { CorpusFormat, CorpusRecord, Document, RawVector } from '../corpus/document.ts'
import { rejectDuplicates } from '../corpus/duplicates.ts'
import { type JsonObject, metadataFromJson } from '../corpus/metadata.ts'
import type { DenseEncoder } from '../encoder/dense-encoder.ts'
import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { type SparseVector, sparseVectorFromEntries } from '../vector/sparse-vector.ts'
import { MAX_KEY_BYTES } from './document-limits.ts'
import { checkPassageTokens, type Splitter, splitText } from './passage-spans.ts'
import type { CollectionSettings } from './settings.ts'
import { checkMetadata, type UpsertDocument, type UpsertPassage } from './upsert-documents.ts'

/** How records of a corpus become documents of a collection. */
export interface CorpusDocumentsOptions {
  /** Whose documents they are; default `''`. */
  readonly namespace?: string
  /**
   * Splits texts of more tokens than this into passages; 0: none. Default: as the collection was made
   * for; where it was made for nothing special, what the model reads of a text for Markdown, HTML and
   * text files, and no splitting of other formats, so that figures on test collections compare.
   */
  readonly passageTokens?: number
  /** Stops at the first record that is not a document instead of skipping it. */
  readonly strict?: boolean
  /** Hears of every record that is skipped. */
  readonly onProblem?: (error: EsplanadeError) => void
}

/** What must be known of the collection that they are for; a `Collection` is one. */
export interface CorpusTarget {
  readonly settings: CollectionSettings
  encoder(): Promise<SparseEncoder>
  /** The dense model; called only where the settings name one and no other model. */
  denseEncoder?(): Promise<DenseEncoder>
}

/**
 * Makes documents for `collection.upsert` of what `readCorpus` gives: long texts of files are split
 * into passages, vectors by token become vectors by term id, records that are no documents and keys
 * that came before are skipped.
 *
 * @throws EsplanadeError the first problem when `strict`; `INVALID_ARGUMENT`; what loading the
 *   collection's model throws
 */
export async function* corpusDocuments(
  records: AsyncIterable<CorpusRecord> | Iterable<CorpusRecord>,
  collection: CorpusTarget,
  options: CorpusDocumentsOptions = {}
): AsyncGenerator<UpsertDocument, void, undefined> {
  const { namespace = '', strict = false, onProblem } = options
  checkPassageTokens(options.passageTokens)
  const { settings } = collection
  const passageTokens = options.passageTokens ?? settings.passageTokens
  let encoder: SparseEncoder | undefined
  let splitter: DenseEncoder | undefined
  for await (const record of rejectDuplicates(records)) {
    if (settings.model !== undefined) encoder ??= await collection.encoder()
    else if (settings.dense?.model !== undefined) splitter ??= await collection.denseEncoder?.()
    let made: UpsertDocument
    try {
      made = documentOf(record, { encoder, splitter: encoder ?? splitter, passageTokens, settings })
    } catch (error) {
      if (strict || !(error instanceof EsplanadeError)) throw error
      onProblem?.(error)
      continue
    }
    yield { ...made, namespace }
  }
}

/** What splits texts and knows tokens. */
interface Splitting {
  readonly encoder: SparseEncoder | undefined
  /** What counts the tokens of passages; undefined where no model does. */
  readonly splitter: (Splitter & { readonly maxTokens: number }) | undefined
  readonly passageTokens: number | undefined
  readonly settings: CollectionSettings
}

/** @throws EsplanadeError what is wrong with the record */
function documentOf(record: CorpusRecord, splitting: Splitting): UpsertDocument {
  if (record.kind === 'problem') throw record.error
  const { document, format, place } = record
  checkLimits(document, place)
  const { key, text, vector } = document
  // Readers give what JSON holds; dates stand in it as objects.
  const metadata = metadataFromJson(document.metadata as JsonObject)
  const common = { key, text, metadata }
  if (vector === undefined) {
    return { ...common, passages: passagesOf(document, format, place, splitting) }
  }
  return { ...common, vector: resolved(vector, splitting.encoder, place) }
}

const utf8 = new TextEncoder()

/** Limits of a collection that a corpus does not have. */
function checkLimits({ key, metadata }: Document, place: string): void {
  // Letters take at most three bytes each, so most need no counting.
  const numBytes = key.length * 3 <= MAX_KEY_BYTES ? 0 : utf8.encode(key).length
  if (numBytes > MAX_KEY_BYTES) {
    throw new EsplanadeError('INVALID_KEY', {
      place,
      problem: `the key has ${numBytes} bytes of UTF-8`,
      expected: `at most ${MAX_KEY_BYTES}`
    })
  }
  checkMetadata(metadata, place)
}

function passagesOf(
  { text, borders }: Document,
  format: CorpusFormat,
  place: string,
  { splitter, passageTokens, settings }: Splitting
): readonly UpsertPassage[] {
  const whole = [{ start: 0, end: text.length }]
  if (text.trim() === '') return whole
  if (splitter === undefined) {
    if (settings.lexical !== undefined) return whole
    throw new EsplanadeError('CORPUS_INVALID', {
      place,
      problem: 'the record has no vector, and the collection has no model to make one',
      remedy: 'Name a model when the collection is made, or give every record a vector'
    })
  }
  const isFile = format === 'markdown' || format === 'html' || format === 'text'
  // Both models are to read all of a passage.
  const denseTokens = settings.dense?.model?.maxTokens ?? Number.POSITIVE_INFINITY
  const maxTokens = passageTokens ?? (isFile ? Math.min(splitter.maxTokens, denseTokens) : 0)
  const given = { text, ...(borders && { borders }) }
  const passages = splitText(given, { passageTokens: maxTokens }, splitter)
  // A text that fits is kept whole, blanks at its ends included.
  return passages.length < 2 ? whole : passages
}

function resolved(raw: RawVector, encoder: SparseEncoder | undefined, place: string): SparseVector {
  const vocabulary = encoder?.vocabulary
  if (raw.kind === 'terms') {
    const { terms } = raw.vector
    const last = terms.at(-1) ?? 0
    if (vocabulary === undefined || last < vocabulary.size) return raw.vector
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: `term id ${last} lies outside the model's vocabulary`,
      expected: `ids below ${vocabulary.size}`,
      remedy: 'Make the collection with the model that made the vectors, or with none'
    })
  }
  const entries = raw.entries.map(([token, weight]) => {
    const termId = vocabulary?.idOf(token)
    if (termId !== undefined) return [termId, weight] as const
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: `"${token}" is not in the vocabulary${vocabulary ? '' : ': the collection has no model'}`,
      expected: 'terms of the model that made the vectors',
      remedy: 'Make the collection with that model'
    })
  })
  return sparseVectorFromEntries(entries, place)
}
