/** `esplanade/explain`: hit → reason. */

export {
  explainHit,
  type HitExplanation,
  type HitParts,
  type HitWords,
  type TermContribution,
  type TermExplanation
} from '../explain/explain-hit.ts'
export {
  bestSnippet,
  type Highlight,
  highlights,
  type Snippet
} from '../explain/highlight.ts'
export type { Explanation } from '../vector/explanation.ts'
