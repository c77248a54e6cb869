import { encodeInferenceFree } from '../encoder/inference-free-model.ts'
import type { QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import { NO_TERMS, type SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { documentFrequencies, inverseDocumentFrequencies } from './inverse-document-frequency.ts'
import { modeOf, type SearchMode } from './search-mode.ts'
import { checkVector } from './search-request.ts'
import type { View } from './view.ts'

/** How a query becomes a vector. */
export interface QueryVectorOptions {
  /**
   * What is compared. Default: `'combined'` where words are terms, `'bm25'` where these are the only
   * ones that a text has (there is no model), else `'sparse'`. A vector is taken as it is; `'bm25'` is
   * for texts only.
   */
  readonly mode?: SearchMode
  /** How the model makes a vector of a text; default: as the collection was opened, else `'full'`. */
  readonly queryMode?: QueryMode
  /** Stops the encoding. */
  readonly signal?: AbortSignal
}

/**
 * The vector that a query is searched with.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR`; what loading the model throws
 */
export async function queryVector(
  query: string | SparseVector,
  view: View,
  context: CollectionContext,
  options: QueryVectorOptions
): Promise<SparseVector> {
  const { words, settings } = context
  if (typeof query !== 'string') return readyVector(query, options)
  const mode = modeOf(options.mode, settings)
  const model = mode === 'bm25' ? NO_TERMS : await modelVector(query, view, context, options)
  if (words === undefined) return model
  if (mode === 'sparse') return words.modelPart(model)
  const frequenciesOf = (termIds: Uint32Array) => ({
    numDocuments: view.numEntries,
    frequencies: documentFrequencies(view, termIds)
  })
  const factor = mode === 'bm25' ? 1 : words.settings.beta
  return words.joined(words.modelPart(model), words.queryVector(query, frequenciesOf, factor))
}

function readyVector(query: SparseVector, { mode }: QueryVectorOptions): SparseVector {
  const vector = checkVector(query)
  if (mode !== 'bm25') return vector
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'query',
    problem: 'given a vector, whose words nobody knows',
    expected: 'a text, for the mode bm25'
  })
}

async function modelVector(
  text: string,
  view: View,
  { encoder, queryMode: openedMode, settings }: CollectionContext,
  { queryMode = openedMode, signal }: QueryVectorOptions
): Promise<SparseVector> {
  if (queryMode !== 'inference-free') {
    const loaded = await encoder.get()
    return loaded.encodeQuery(text, { queryMode, ...(signal && { signal }) })
  }
  const model = await encoder.inferenceFree()
  const idf = (termIds: Uint32Array) => inverseDocumentFrequencies(view, termIds)
  return encodeInferenceFree(text, model, idf, settings.model!.maxTokens)
}
