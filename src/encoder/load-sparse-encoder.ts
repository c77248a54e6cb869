import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import { type LoadedSide, loadModelSide } from './load-encoder-side.ts'
import { areAlike, loadQueries, queriesOf } from './load-queries.ts'
import type { ModelFiles } from './model-files.ts'
import type { ModelLayout, ModelSide, TableSide } from './model-layout.ts'
import { PRECISIONS } from './plan-batch-encoder.ts'
import { checkQueryMode } from './query-modes.ts'
import { readModelLayout } from './read-model-layout.ts'
import type { LoadOptions, SparseEncoder } from './sparse-encoder.ts'
import { SpladeEncoder } from './splade-encoder.ts'

/**
 * Makes an encoder of a model's files, in any of the layouts that `readModelLayout` knows.
 *
 * @param queryFiles - the model that encodes queries, where that is not the one of the documents: its
 * layout says how
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
 */
export async function loadSparseEncoder(
  files: ModelFiles,
  options: LoadOptions = {},
  queryFiles?: ModelFiles
): Promise<SparseEncoder> {
  const queryMode = checkQueryMode(options.queryMode ?? 'full')
  checkChoice('pooling', options.pooling, ['max', 'sum'])
  checkChoice('activation', options.activation, ['relu', 'log1p_relu'])
  checkChoice('precision', options.precision, PRECISIONS)
  const layout = withHead(await readModelLayout(files), options)
  const apart = queryFiles && (await readModelLayout(queryFiles)).queries
  const documents = await loadModelSide(files, layout.documents, options)
  try {
    const queries =
      apart === undefined && areAlike(layout)
        ? await queriesOf(documents, layout, files)
        : await loadQueries(queryFiles ?? files, apart ?? layout.queries, documents, options)
    return new SpladeEncoder({
      name: files.name,
      fingerprint: fingerprintOf(layout.documents, documents, apart ?? layout.queries, queries),
      tokenizer: documents.tokenizer,
      pooling: layout.documents.head.pooling,
      precision: documents.precision,
      documents: documents.side,
      queries: queries.side,
      queryMode,
      openLogits: documents.openLogits
    })
  } catch (error) {
    await documents.side.encoder.close()
    throw error
  }
}

/** The head that was asked for, in place of the documents' and of queries that are encoded alike. */
function withHead(layout: ModelLayout, { pooling, activation }: LoadOptions): ModelLayout {
  const { head } = layout.documents
  const documents = {
    ...layout.documents,
    head: { pooling: pooling ?? head.pooling, activation: activation ?? head.activation }
  }
  const queries = areAlike(layout) ? { ...layout.queries, head: documents.head } : layout.queries
  return { documents, queries }
}

/**
 * The weights' checksum; where vectors depend on more than the weights, the prompts, the activation and
 * how queries are encoded, that of it all. (Pooling and limits are recorded beside it.)
 */
function fingerprintOf(
  documentLayout: ModelSide,
  documents: LoadedSide,
  queryLayout: ModelSide | TableSide,
  queries: LoadedSide
): string {
  const identities = [
    identityOf(documentLayout, documents),
    identityOf(queryLayout, queries)
  ] as const
  const plain = JSON.stringify(['relu', '', 0, documents.fingerprint])
  if (identities.every(one => one === plain)) return documents.fingerprint
  return (crc32.str(identities.join('\n')) >>> 0).toString(16).padStart(8, '0')
}

function identityOf(layout: ModelSide | TableSide, { fingerprint }: LoadedSide): string {
  const how = layout.kind === 'model' ? layout.head.activation : 'table'
  return JSON.stringify([how, layout.prompt, layout.topTokens ?? 0, fingerprint])
}

function checkChoice(place: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `"${value}" is no ${place}`,
    expected: known.join(' or ')
  })
}
