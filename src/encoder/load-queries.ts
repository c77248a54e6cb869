import { EsplanadeError } from '../errors.ts'
import {
  type LoadedModel,
  type LoadedSide,
  loadModelSide,
  loadTableSide,
  weighedBy,
  withOtherPrompt
} from './load-encoder-side.ts'
import type { ModelFiles } from './model-files.ts'
import type { ModelLayout, ModelSide, TableSide } from './model-layout.ts'
import type { LoadOptions } from './sparse-encoder.ts'
import { readTokenWeights } from './token-weights.ts'

/** Whether the same model with the same head encodes both; prompts may differ. */
export function areAlike({ documents, queries }: ModelLayout): boolean {
  return (
    queries.kind === 'model' &&
    queries.folder === documents.folder &&
    queries.head.pooling === documents.head.pooling &&
    queries.head.activation === documents.head.activation
  )
}

/** Queries that the model of the documents encodes, too. */
export async function queriesOf(
  documents: LoadedModel,
  layout: ModelLayout,
  files: ModelFiles
): Promise<LoadedSide> {
  const { queries } = layout
  const model = withOtherPrompt(documents, layout.documents, queries)
  if (queries.kind === 'table' || queries.table === undefined) return model
  const { vocabulary } = documents.tokenizer
  return weighedBy(await readTokenWeights(files, queries.table, vocabulary), model, false)
}

/** Queries that are not encoded as documents are: limits of theirs do not follow the options. */
export async function loadQueries(
  files: ModelFiles,
  layout: ModelSide | TableSide,
  documents: LoadedModel,
  { maxTokens: _, ...options }: LoadOptions
): Promise<LoadedSide> {
  const { vocabulary } = documents.tokenizer
  if (layout.kind === 'table') {
    const queries = await loadTableSide(files, layout, options)
    requireSame(queries, documents, files.placeOf(layout.folder))
    return queries
  }
  const table = layout.table && (await readTokenWeights(files, layout.table, vocabulary))
  const queries = await loadModelSide(files, layout, options)
  try {
    requireSame(queries, documents, files.placeOf(layout.folder))
  } catch (error) {
    await queries.side.encoder.close()
    throw error
  }
  return table ? weighedBy(table, queries, true) : queries
}

function requireSame(queries: LoadedSide, documents: LoadedSide, place: string): void {
  const { size, fingerprint } = queries.tokenizer.vocabulary
  if (fingerprint === documents.tokenizer.vocabulary.fingerprint) return
  throw new EsplanadeError('MODEL_MISMATCH', {
    place,
    problem: `queries have a vocabulary of ${size} terms that is not that of the documents`,
    expected: 'the same terms in the same order',
    remedy: 'Use a query encoder that was trained with this document encoder'
  })
}
