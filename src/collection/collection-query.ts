import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkVector } from './checked-vector.ts'
import { checkedDense } from './dense-settings.ts'
import type { CollectionSettings } from './settings.ts'

/** A query of which vectors are ready; what it lacks is made of the text, where it has one. */
export interface ReadyQuery {
  /** What the words are taken from, and vectors that are not given. */
  readonly text?: string
  /** The model's vector, or one from elsewhere. */
  readonly sparse?: SparseVector
  /** As many numbers as the collection's dense vectors have. */
  readonly dense?: ArrayLike<number>
}

/** What a collection is searched for: a text, a sparse vector, or vectors that are ready. */
export type CollectionQuery = string | SparseVector | ReadyQuery

/** A query, checked. */
export interface QueryParts {
  readonly text?: string
  readonly sparse?: SparseVector
  readonly dense?: DenseVector
  /** It came as a sparse vector and nothing else: the vector is searched as it is. */
  readonly isBare: boolean
}

/** @throws EsplanadeError `INVALID_VECTOR`, `INVALID_ARGUMENT` */
export function queryParts(query: CollectionQuery, settings: CollectionSettings): QueryParts {
  if (typeof query === 'string') return { text: query, isBare: false }
  const isObject = typeof query === 'object' && query !== null
  if (!isObject || 'terms' in query || 'weights' in query) {
    return { sparse: checkVector(query as SparseVector), isBare: true }
  }
  const { text, sparse, dense } = query
  if (text === undefined && sparse === undefined && dense === undefined) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place: 'query',
      problem: 'it is neither a text nor a vector',
      expected: 'a string, { terms, weights }, or { text, sparse, dense } with one of them at least'
    })
  }
  if (text !== undefined && typeof text !== 'string') {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'query.text',
      problem: `given ${String(text)}`,
      expected: 'a string'
    })
  }
  return {
    ...(text !== undefined && { text }),
    ...(sparse !== undefined && { sparse: checkVector(sparse, 'query.sparse') }),
    ...(dense !== undefined && { dense: denseOf(dense, settings) }),
    isBare: false
  }
}

/** The text of a query; undefined where it has none. */
export function textOfQuery(query: CollectionQuery): string | undefined {
  if (typeof query === 'string') return query
  return 'text' in query ? query.text : undefined
}

function denseOf(dense: ArrayLike<number>, settings: CollectionSettings): DenseVector {
  if (settings.dense !== undefined) return checkedDense(dense, settings.dense, 'query.dense')
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'query.dense',
    problem: 'the collection was made without dense vectors',
    expected: 'a query without one'
  })
}
