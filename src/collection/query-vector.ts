import { encodeInferenceFree } from '../encoder/inference-free-model.ts'
import type { QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { NO_TERMS, type SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import type { QueryParts } from './collection-query.ts'
import { documentFrequencies, inverseDocumentFrequencies } from './inverse-document-frequency.ts'
import type { SparseMode } from './search-mode.ts'
import type { View } from './view.ts'

/** How a query becomes a vector. */
export interface QueryVectorOptions {
  /**
   * What is compared. Default: `'combined'` where words are terms, `'bm25'` where these are the only
   * ones that a text has (there is no model), else `'sparse'`. A vector is taken as it is; `'bm25'` is
   * for texts only.
   */
  readonly mode?: SparseMode
  /** How the model makes a vector of a text; default: as the collection was opened, else `'full'`. */
  readonly queryMode?: QueryMode
  /** Stops the encoding. */
  readonly signal?: AbortSignal
}

/** How vectors of a query are made, apart from what is compared. */
export type QueryEncodingOptions = Pick<QueryVectorOptions, 'queryMode' | 'signal'>

/**
 * The sparse vector that a query is searched with.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`; what loading the model throws
 */
export async function queryVector(
  parts: QueryParts,
  mode: SparseMode,
  view: View,
  context: CollectionContext,
  options: QueryEncodingOptions
): Promise<SparseVector> {
  const { words } = context
  const { text } = parts
  if (mode === 'bm25') return wordVector(text, 1, view, context)
  if (parts.isBare) return parts.sparse!
  const model = await modelVector(parts, view, context, options)
  if (mode === 'sparse' || words === undefined || text === undefined) return model
  return words.joined(model, wordVector(text, words.settings.beta, view, context))
}

/**
 * The terms of the model that a query has.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`; what loading the model throws
 */
export async function modelVector(
  { text, sparse }: QueryParts,
  view: View,
  context: CollectionContext,
  options: QueryEncodingOptions
): Promise<SparseVector> {
  if (sparse === undefined && text === undefined) throw lacking('sparse vector', 'sparse')
  const vector = sparse ?? (await encoded(text!, view, context, options))
  return context.words?.modelPart(vector) ?? vector
}

/**
 * The words of a query, each by its idf and count.
 *
 * @param factor - of all weights
 * @throws EsplanadeError `INVALID_ARGUMENT` where there is no text
 */
export function wordVector(
  text: string | undefined,
  factor: number,
  view: View,
  { words }: CollectionContext
): SparseVector {
  if (words === undefined) return NO_TERMS
  if (text === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'query',
      problem: 'given a vector, whose words nobody knows',
      expected: 'a text, for the mode bm25'
    })
  }
  const frequenciesOf = (termIds: Uint32Array) => ({
    numDocuments: view.numEntries,
    frequencies: documentFrequencies(view, termIds)
  })
  return words.queryVector(text, frequenciesOf, factor)
}

/**
 * The dense vector of a query.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`; what loading the model throws
 */
export async function denseQueryVector(
  { text, dense }: QueryParts,
  { denseEncoder }: CollectionContext,
  { signal }: QueryEncodingOptions
): Promise<DenseVector> {
  if (dense !== undefined) return dense
  if (text === undefined) throw lacking('dense vector', 'dense')
  if (denseEncoder !== undefined)
    return denseEncoder.encodeQuery(text, { ...(signal && { signal }) })
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'query',
    problem: 'given a text, and the collection has no dense model that could encode it',
    expected: 'its dense vector, { text, dense }',
    remedy: 'Give it; or, for the mode hybrid, leave the list out: fusion.weights { dense: 0 }'
  })
}

function lacking(what: string, name: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: 'query',
    problem: `it has neither a ${what} nor a text to make one of`,
    expected: `{ ${name} } or { text }`
  })
}

async function encoded(
  text: string,
  view: View,
  { encoder, queryMode: openedMode, settings }: CollectionContext,
  { queryMode = openedMode, signal }: QueryEncodingOptions
): Promise<SparseVector> {
  if (queryMode !== 'inference-free') {
    const loaded = await encoder.get()
    return loaded.encodeQuery(text, { queryMode, ...(signal && { signal }) })
  }
  const model = await encoder.inferenceFree()
  const idf = (termIds: Uint32Array) => inverseDocumentFrequencies(view, termIds)
  return encodeInferenceFree(text, model, idf, settings.model!.maxTokens)
}
