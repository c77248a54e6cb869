import type { ColbertEncoder } from '../encoder/colbert-encoder.ts'
import { maxSim } from './max-sim.ts'
import { aboutHits, checkSignal, type Reranker, Stopwatch, textOf } from './reranker.ts'

/**
 * Reranks by late interaction: query and documents are encoded to a vector a token, and compared by
 * {@link maxSim}.
 *
 * `score` throws `INVALID_ARGUMENT` for a candidate without text, with the key; `ABORTED`; and what the
 * encoder throws.
 */
export function maxSimReranker(
  encoder: Pick<ColbertEncoder, 'name' | 'encodeQuery' | 'encodeDocument'>
): Reranker {
  return {
    name: `maxsim ${encoder.name}`,
    score: async (query, candidates, options = {}) => {
      const stopwatch = new Stopwatch()
      const vectors = await stopwatch.time('encode query', () =>
        encoder.encodeQuery(query, options)
      )
      const texts = candidates.map(one => textOf(one, 'a text'))
      const documents = await stopwatch.time('encode documents', () =>
        aboutHits(candidates, () => encoder.encodeDocument(texts, options))
      )
      checkSignal(options.signal)
      const scores = await stopwatch.time('score', () =>
        documents.map(document => maxSim(vectors, document))
      )
      return { scores, stages: stopwatch.stages }
    }
  }
}
