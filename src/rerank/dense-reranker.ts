import { EsplanadeError } from '../errors.ts'
import {
  checkedDenseVector,
  DENSE_METRICS,
  type DenseMetric,
  type DenseVector,
  denseScore,
  refuseZero
} from '../vector/dense-vector.ts'
import {
  aboutHits,
  placeOf,
  type RerankCandidate,
  type Reranker,
  type ScoreOptions,
  textOf
} from './reranker.ts'
import { Stopwatch } from './stopwatch.ts'

/** What makes vectors of texts; a `DenseEncoder` does. */
export interface DenseRerankerEncoder {
  readonly name: string
  encodeQuery(text: string, options: ScoreOptions): Promise<DenseVector>
  /** One a text, in their order. */
  encodeDocument(texts: readonly string[], options: ScoreOptions): Promise<readonly DenseVector[]>
}

export interface DenseRerankerOptions {
  /** Default `'cosine'`. */
  readonly metric?: DenseMetric
}

/**
 * Reranks by the similarity of dense vectors. A candidate's vector is taken as it is, where it has one
 * (by the same model, or the scores mean nothing); the others' texts are encoded.
 *
 * `score` throws `INVALID_ARGUMENT` for a candidate with neither vector nor text, and `INVALID_VECTOR`
 * for a vector of another length or, under cosine, of zeros: each with the key; and what the
 * encoder throws.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a metric that is none
 */
export function denseReranker(
  encoder: DenseRerankerEncoder,
  { metric = 'cosine' }: DenseRerankerOptions = {}
): Reranker {
  if (!DENSE_METRICS.includes(metric)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'metric',
      problem: `"${metric}" is no metric`,
      expected: DENSE_METRICS.join(' or ')
    })
  }
  return {
    name: `dense ${encoder.name}`,
    score: async (query, candidates, options = {}) => {
      const stopwatch = new Stopwatch()
      const vector = await encoder.encodeQuery(query, options)
      stopwatch.lap('encode query')
      const rest = candidates.filter(({ dense }) => dense === undefined)
      const texts = rest.map(one => textOf(one, 'a text, or a dense vector'))
      const encoded =
        texts.length === 0
          ? []
          : await aboutHits(rest, () => encoder.encodeDocument(texts, options))
      stopwatch.lap('encode documents')
      const vectorOf = new Map(rest.map((one, i) => [one, encoded[i]!]))
      if (metric === 'cosine') refuseZero(isZero(vector), 'query')
      const scores = candidates.map(one =>
        scoreOf(vector, one.dense ?? vectorOf.get(one)!, one, metric)
      )
      stopwatch.lap('score')
      return { scores, stages: stopwatch.stages }
    }
  }
}

function scoreOf(
  query: DenseVector,
  given: DenseVector,
  candidate: RerankCandidate,
  metric: DenseMetric
): number {
  const vector = checkedDenseVector(given, query.length, placeOf(candidate))
  if (metric === 'cosine') refuseZero(isZero(vector), placeOf(candidate))
  return denseScore(query, vector, metric)
}

function isZero(vector: DenseVector): boolean {
  return vector.every(value => value === 0)
}
