import { type CollectionSnapshot, EsplanadeError } from 'esplanade'
import type { Topics } from 'esplanade/eval'
import type { Explain } from './compare-view.ts'

/**
 * Has documents explained by a collection, each for the text of its query. A document that the
 * collection does not hold, and a query without text, have no explanation.
 */
export function explainBy(
  snapshot: CollectionSnapshot,
  topics: Topics,
  namespace: string
): Explain {
  return async (queryId, key) => {
    const text = topics.get(queryId)
    if (text === undefined) return undefined
    try {
      return await snapshot.explain(text, key, { namespace })
    } catch (error) {
      if (error instanceof EsplanadeError && error.code === 'KEY_NOT_FOUND') return undefined
      throw error
    }
  }
}
