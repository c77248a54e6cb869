import type { ColbertEncoder } from '../encoder/colbert-encoder.ts'
import { maxSim } from './max-sim.ts'
import { aboutHits, checkSignal, type Reranker, textOf } from './reranker.ts'
import { Stopwatch } from './stopwatch.ts'

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
      const vectors = await encoder.encodeQuery(query, options)
      stopwatch.lap('encode query')
      const texts = candidates.map(one => textOf(one, 'a text'))
      const documents = await aboutHits(candidates, () => encoder.encodeDocument(texts, options))
      stopwatch.lap('encode documents')
      checkSignal(options.signal)
      const scores = documents.map(document => maxSim(vectors, document))
      stopwatch.lap('score')
      return { scores, stages: stopwatch.stages }
    }
  }
}
