import type { HitExplanation } from '../explain/explain-hit.ts'
import { type DenseVector, denseScore } from '../vector/dense-vector.ts'
import type { DenseSettings } from './dense-settings.ts'
import { unpackDense } from './passage-dense.ts'
import type { StoredDocument } from './store.ts'
import type { View } from './view.ts'

const MEASURES = {
  cosine: 'cosine',
  dot: 'dot product',
  euclidean: 'distance below zero'
} as const

/**
 * A dense score is one number and has no parts: the explanation says what was compared, by the best
 * passage. A document without a dense vector has the score 0 there.
 */
export function explainDense(
  vector: DenseVector,
  { seq, key, text, passages }: StoredDocument,
  view: View,
  { dimensions, metric }: DenseSettings
): HitExplanation {
  const stored = view.store.vectors(seq)!
  const place = () => `document ${JSON.stringify(key)}`
  const vectors = unpackDense(stored.dense, stored.passages.length, dimensions, place)
  let best: { readonly score: number; readonly passageIndex: number } | undefined
  for (const [passageIndex, own] of vectors.entries()) {
    if (own === undefined) continue
    const score = denseScore(vector, own, metric)
    if (best === undefined || score > best.score) best = { score, passageIndex }
  }
  const score = best?.score ?? 0
  const [start, end] = passages?.[best?.passageIndex ?? 0] ?? [0, text.length]
  const documentName = `document ${JSON.stringify(key)}`
  const description =
    best === undefined
      ? `${documentName} has no dense vector`
      : `${MEASURES[metric]} of the dense vectors of the query and ${documentName}`
  const explanation = { value: score, description, details: [] }
  return { score, explanation, terms: [], text: text.slice(start, end) }
}
