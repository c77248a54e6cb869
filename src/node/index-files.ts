import { type BuiltIndex, buildIndex, type IndexOptions } from '../collection/index-builder.ts'
import { MANIFEST_VERSION, type Manifest, type ModelRecord } from '../collection/manifest.ts'
import { TextIndex } from '../collection/text-index.ts'
import type { CorpusRecord } from '../corpus/document.ts'
import { type DocumentInput, fromObjects } from '../corpus/from-objects.ts'
import { loadSparseEncoder } from '../encoder/load-sparse-encoder.ts'
import type { LoadOptions, SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { IndexDirectory, IndexDirectoryWriter } from './index-directory.ts'
import { openIndexFile, transfers } from './index-file.ts'
import { modelFolder } from './model-folder.ts'
import { readTuning } from './tuning-file.ts'

/** Options of {@link createIndex}. */
export interface CreateIndexOptions extends IndexOptions {
  /** A shipped model's name or a folder; default `'splade-tiny'`. Null: all records carry vectors. */
  readonly model?: string | null
  /** How the model is loaded. */
  readonly load?: LoadOptions
  /** Replaces an index that is at the place; default false. */
  readonly overwrite?: boolean
}

/** What {@link createIndex} tells of its work. */
export type CreatedIndex = Omit<BuiltIndex, 'index'> & { readonly manifest: Manifest }

/**
 * Encodes documents and writes them to a directory as an index that {@link openIndex} reads. Nothing is
 * at the place until all of it is: a failure, a kill or an abort leaves what was there before.
 *
 * The layout is provisional: a later version may ask to index again.
 *
 * @param documents - plain objects with key and text, or what `readCorpus` reads from files
 * @throws EsplanadeError `INDEX_EXISTS`, `FILE_UNWRITABLE`, `ABORTED`; the first problem of the
 * corpus when `strict`, `CORPUS_INVALID` where every record is one; what {@link SparseEncoder} throws
 */
export async function createIndex(
  directory: string,
  documents: AsyncIterable<DocumentInput | CorpusRecord> | Iterable<DocumentInput | CorpusRecord>,
  options: CreateIndexOptions = {}
): Promise<CreatedIndex> {
  const { model = 'splade-tiny', overwrite = false } = options
  const writer = await IndexDirectoryWriter.create(directory, overwrite)
  let encoder: SparseEncoder | undefined
  try {
    if (model !== null) encoder = await loadSparseEncoder(modelFolder(model), options.load)
    const { index, ...counts } = await buildIndex(fromObjects(documents), encoder, writer, options)
    if (counts.numDocuments === 0 && counts.numProblems > 0) throw allSkipped(counts.numProblems)
    const manifest = await writer.commit([...transfers(index)], fileBytes => ({
      format: 'esplanade-index',
      version: MANIFEST_VERSION,
      ...(encoder && model !== null && { model: recordOf(encoder, model) }),
      metric: index.metric,
      numDocuments: counts.numDocuments,
      numPassages: counts.numPassages,
      numTruncated: counts.numTruncated,
      numPostings: index.numPostings,
      ...(options.passageTokens && { passageTokens: options.passageTokens }),
      fileBytes
    }))
    return { ...counts, manifest }
  } catch (error) {
    await writer.discard()
    throw error
  } finally {
    await encoder?.close()
  }
}

/** Options of {@link openIndex}. */
export interface OpenIndexOptions {
  /** Where the model is now, if not where it was when the index was made: a name or a folder. */
  readonly model?: string
}

/**
 * Opens an index for searching. Its model is loaded when the first text is searched.
 *
 * @throws EsplanadeError `INDEX_NOT_FOUND`, `INDEX_VERSION`, `INDEX_CORRUPT`, `FILE_UNREADABLE`
 */
export async function openIndex(
  directory: string,
  options: OpenIndexOptions = {}
): Promise<TextIndex> {
  const files = await IndexDirectory.open(directory)
  try {
    const index = await openIndexFile(await files.vectorsFile())
    files.checkCounts(index)
    // What is wrong with the tuning concerns those only who ask for it.
    const tuning = await readTuning(directory, files.manifest).catch(
      (error: EsplanadeError) => error
    )
    return new TextIndex({
      manifest: files.manifest,
      index,
      documents: files,
      tuning,
      loadEncoder: ({ model }) => loadModel(directory, model!, options.model),
      close: () => files.close()
    })
  } catch (error) {
    await files.close()
    throw error
  }
}

async function loadModel(
  directory: string,
  { source, pooling, maxTokens }: ModelRecord,
  elsewhere: string | undefined
): Promise<SparseEncoder> {
  try {
    return await loadSparseEncoder(modelFolder(elsewhere ?? source), { pooling, maxTokens })
  } catch (cause) {
    const isGone = cause instanceof EsplanadeError && cause.code === 'MODEL_NOT_FOUND'
    if (!isGone || elsewhere !== undefined) throw cause
    throw new EsplanadeError('MODEL_NOT_FOUND', {
      place: directory,
      problem: `the index was made with the model in ${source}, which is not there any more`,
      remedy: 'Say where it is now: --model, or openIndex(directory, { model })',
      cause
    })
  }
}

/** A wrong `--key`, say, must not put an empty index in the place of a good one. */
function allSkipped(numProblems: number): EsplanadeError {
  return new EsplanadeError('CORPUS_INVALID', {
    problem: `not one of ${numProblems} records could be indexed`,
    remedy: 'Correct the problems that were reported for them'
  })
}

function recordOf(encoder: SparseEncoder, nameOrFolder: string): ModelRecord {
  return {
    source: modelFolder(nameOrFolder).source,
    name: encoder.name,
    vocabularyFingerprint: encoder.vocabulary.fingerprint,
    weightsFingerprint: encoder.fingerprint,
    pooling: encoder.pooling,
    precision: 'float32',
    maxTokens: encoder.maxTokens
  }
}
