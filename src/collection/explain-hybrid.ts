import type { HitExplanation, TermExplanation } from '../explain/explain-hit.ts'
import { describePart } from '../fusion/explain-fusion.ts'
import { normalizerOf } from '../fusion/fuse.ts'
import { DEFAULT_DEPTH, type FusionPart } from '../fusion/fusion-list.ts'
import type { Explanation } from '../vector/explanation.ts'
import type { FusionPlan } from './hybrid-fusion.ts'
import type { FusedEntry, HybridList } from './hybrid-search.ts'
import type { StoredDocument } from './store.ts'

/** What is explained. */
export interface ExplainedFusion {
  readonly document: StoredDocument
  readonly entry: FusedEntry
  readonly lists: readonly HybridList[]
  readonly plan: FusionPlan
  /** Why the document has its own score in a list of terms. */
  explainTerms(list: 'sparse' | 'bm25'): Promise<HitExplanation>
  /** Where the passage begins by which it has that score. */
  offsetOf(list: 'sparse' | 'bm25'): number
}

/**
 * Why a document has its fused score: a branch for each list, and below those of terms a leaf for each
 * term, scaled to what it adds to the fused score.
 *
 * A normalisation is a factor and a shift: score s becomes a · s + b. So a term that adds t to the score
 * of its list adds weight · a · t to the fused one, and weight · b is a leaf of its own where it is not 0.
 * What a rank gives is shared among the terms in proportion.
 */
export async function explainFused(fused: ExplainedFusion): Promise<HitExplanation> {
  const { document, entry, lists } = fused
  const { key, text, passages } = document
  const [start, end] = passages?.[entry.passageIndex] ?? [0, text.length]
  const details: Explanation[] = []
  const terms: TermExplanation[] = []
  for (const [at, part] of entry.parts.entries()) {
    const branch = await branchOf(lists[at]!, part, fused)
    details.push(branch.explanation)
    terms.push(...branch.terms.map(term => within(term, branch.offset - start, end - start)))
  }
  const description = `fused score of document ${JSON.stringify(key)}`
  return {
    score: entry.score,
    explanation: { value: entry.score, description, details },
    terms: terms.sort((a, b) => b.value - a.value),
    text: text.slice(start, end),
    lists: entry.parts
  }
}

/** A document that no list has among those of it that are fused. */
export async function explainNotFused(
  { key, text }: StoredDocument,
  depth: number
): Promise<HitExplanation> {
  const description = `document ${JSON.stringify(key)} is not among the first ${depth} of any list`
  return {
    score: 0,
    explanation: { value: 0, description, details: [] },
    terms: [],
    text,
    lists: []
  }
}

interface Branch {
  readonly explanation: Explanation
  /** Offsets count from the beginning of the list's own passage. */
  readonly terms: readonly TermExplanation[]
  /** Where that begins in the document. */
  readonly offset: number
}

async function branchOf(
  { name, list }: HybridList,
  part: FusionPart,
  { entry, plan, explainTerms, offsetOf }: ExplainedFusion
): Promise<Branch> {
  const { rank, factor, value } = part
  const leaf = { value, description: describePart(part), details: [] }
  const counts = rank !== undefined || (part.score ?? 0) > 0
  if (name === 'dense' || !counts || value === 0) {
    return { explanation: leaf, terms: [], offset: 0 }
  }
  const own = await explainTerms(name)
  const sum = own.terms.reduce((total, term) => total + term.value, 0)
  const shift = factor * (normalizerOf(plan.method, list, plan.depth ?? DEFAULT_DEPTH)?.(0) ?? 0)
  const scale = sum === 0 ? 0 : (value - shift) / sum
  if (scale === 0) return { explanation: leaf, terms: [], offset: 0 }
  const details = leavesOf(own.explanation).map(one => ({ ...one, value: one.value * scale }))
  if (shift !== 0) {
    const description = 'what the score 0 counts for, as the smallest or mean score is not 0'
    details.push({ value: shift, description, details: [] })
  }
  const terms = own.terms.map(term => ({
    ...term,
    value: term.value * scale,
    share: (term.value * scale) / entry.score
  }))
  return { explanation: { ...leaf, details }, terms, offset: offsetOf(name) }
}

function leavesOf({ details }: Explanation): Explanation[] {
  return details.flatMap(detail => (detail.details.length === 0 ? [detail] : leavesOf(detail)))
}

/** A term whose offsets count from elsewhere: those that are in the text that is shown. */
function within(term: TermExplanation, shift: number, length: number): TermExplanation {
  if (shift === 0) return term
  const offsets = term.offsets
    .map(([start, end]) => [start + shift, end + shift] as const)
    .filter(([start, end]) => start >= 0 && end <= length)
  return { ...term, offsets }
}
