import { EsplanadeError } from '../errors.ts'
import { denseReranker } from '../rerank/dense-reranker.ts'
import type { Reranker, ScoreOptions } from '../rerank/reranker.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import { type CollectionQuery, queryParts } from './collection-query.ts'
import { unpackDense } from './passage-dense.ts'
import type { CollectionSettings } from './settings.ts'
import type { StoredVectors } from './store.ts'

/**
 * The second stage `'dense'`: the similarity of the query and the dense vector that the collection has of a
 * hit's best passage, by the metric of the collection. Only the query is encoded, and the texts of
 * passages that have no vector.
 *
 * `score` throws `INVALID_ARGUMENT` where a vector is missing and cannot be made; of a document with its
 * key.
 */
export function collectionDenseReranker(
  query: CollectionQuery,
  { settings, denseEncoder }: CollectionContext
): Reranker {
  const { text, dense: ready } = queryParts(query, settings)
  const encoder = {
    name: denseEncoder?.model.name ?? 'vectors',
    encodeQuery: async (_: string, options: ScoreOptions) => {
      if (ready !== undefined) return ready
      if (denseEncoder === undefined || text === undefined) throw noVector('query')
      return denseEncoder.encodeQuery(text, options)
    },
    encodeDocument: async (texts: readonly string[], options: ScoreOptions) => {
      if (denseEncoder === undefined) throw noVector('document', 0)
      return (await denseEncoder.get()).encodeDocument(texts, options)
    }
  }
  return { ...denseReranker(encoder, { metric: settings.dense!.metric }), reads: ['dense'] }
}

/**
 * The dense vector of a passage, or that of the whole document where there is no other; undefined where it
 * has none.
 */
export function denseVectorOf(
  { dense, passages }: StoredVectors,
  passageIndex: number,
  settings: CollectionSettings
): DenseVector | undefined {
  if (dense === undefined || settings.dense === undefined) return undefined
  const { dimensions } = settings.dense
  if (dense.length === dimensions) return dense
  return unpackDense(dense, passages.length, dimensions, () => 'dense')[passageIndex]
}

function noVector(place: string, textIndex?: number): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place,
    ...(textIndex !== undefined && { textIndex }),
    problem: 'it has no dense vector, and nothing to make one of it',
    expected:
      'a vector by the model that made the others, or a text where the collection has that model',
    remedy: 'Give a vector with the query, and with each document'
  })
}
