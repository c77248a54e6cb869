import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { type CollectionQuery, type QueryParts, queryParts } from './collection-query.ts'
import { type FusionPlan, fusionPlan, type HybridFusion } from './hybrid-fusion.ts'
import type { HybridVectors } from './hybrid-search.ts'
import {
  denseQueryVector,
  modelVector,
  type QueryEncodingOptions,
  queryVector,
  wordVector
} from './query-vector.ts'
import {
  type ListName,
  listsOfQuery,
  modeOf,
  type SearchMode,
  type SparseMode
} from './search-mode.ts'
import { tunedFor } from './tuned-fusion.ts'
import type { View } from './view.ts'

/** A query, ready to be searched in its mode. */
export type EncodedQuery =
  | EncodedSparseQuery
  | { readonly mode: 'dense'; readonly vector: DenseVector }
  | EncodedHybridQuery

/** A query of one sparse vector. */
export interface EncodedSparseQuery {
  readonly mode: SparseMode
  readonly vector: SparseVector
  /** Absent where the query was a vector. */
  readonly text?: string
}

/** A query of a vector a list. */
export interface EncodedHybridQuery {
  readonly mode: 'hybrid'
  readonly vectors: HybridVectors
  readonly plan: FusionPlan
  readonly text?: string
}

/** How a query is understood. */
export interface QueryOptions extends QueryEncodingOptions {
  readonly mode?: SearchMode
  readonly fusion?: HybridFusion
}

/**
 * Makes the vectors that a query is searched with.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR`; what loading the models throws
 */
export async function encodeQuery(
  query: CollectionQuery,
  { mode: givenMode, fusion, ...options }: QueryOptions,
  view: View,
  context: CollectionContext
): Promise<EncodedQuery> {
  const { settings } = context
  const parts = queryParts(query, settings)
  const mode = modeOf(givenMode, settings, parts)
  const text = parts.text === undefined ? {} : { text: parts.text }
  if (mode === 'hybrid') {
    const lists = listsToFuse(parts, context)
    const plan = fusionPlan(fusion ?? tunedFor(await context.tunedFusion(), lists), lists)
    const vectors = await hybridVectors(parts, plan, view, context, options)
    return { mode, vectors, plan, ...text }
  }
  if (fusion !== undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'fusion',
      problem: `given with the mode ${mode}, which has nothing to fuse`,
      expected: "the mode 'hybrid'"
    })
  }
  if (mode === 'dense') return { mode, vector: await denseQueryVector(parts, context, options) }
  return { mode, vector: await queryVector(parts, mode, view, context, options), ...text }
}

/** The lists of a query, of which there must be two at least. */
function listsToFuse(parts: QueryParts, { settings }: CollectionContext): ListName[] {
  const lists = listsOfQuery(parts, settings)
  if (lists.length > 1) return lists
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'query',
    problem: `there is one list only that it can be searched in, ${lists[0]}, and nothing to fuse`,
    expected: 'a text, or vectors for two lists at least: { text, sparse, dense }'
  })
}

async function hybridVectors(
  parts: QueryParts,
  { weights }: FusionPlan,
  view: View,
  context: CollectionContext,
  options: QueryEncodingOptions
): Promise<HybridVectors> {
  const [sparse, dense] = await Promise.all([
    weights.has('sparse') ? modelVector(parts, view, context, options) : undefined,
    weights.has('dense') ? denseQueryVector(parts, context, options) : undefined
  ])
  return {
    ...(sparse && { sparse }),
    ...(dense && { dense }),
    ...(weights.has('bm25') && { bm25: wordVector(parts.text, 1, view, context) })
  }
}
