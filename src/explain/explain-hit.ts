import type { FusionPart } from '../fusion/fusion-list.ts'
import type { TermPlace } from '../lexical/word-terms.ts'
import { DEFAULT_MAX_TOKENS, type Tokenizer } from '../text/tokenizer.ts'
import type { Explanation } from '../vector/explanation.ts'

/** What one term adds to a score, as the scorer counts it. */
export interface TermContribution {
  readonly termId: number
  readonly queryWeight: number
  readonly documentWeight: number
  /** `queryWeight · documentWeight`. */
  readonly product: number
  /** What it adds to the score: the product, for cosine divided by the product of both lengths. */
  readonly value: number
}

/** A term's contribution, with what a reader wants to know of the term. */
export interface TermExplanation extends TermContribution {
  /** A term of the model, or a word of the query. */
  readonly kind: 'model' | 'word'
  /**
   * As {@link Vocabulary.display} writes it, or the word as the query spells it; the term id where no
   * vocabulary is known, or the query was a vector.
   */
  readonly term: string
  /** Of a word: what was compared. */
  readonly stem?: string
  /** The term's part of the score as a fraction of it. */
  readonly share: number
  /** Whether the term stands in the query; undefined where the query was a vector. */
  readonly inQuery: boolean | undefined
  /** Whether the term stands in the text; otherwise the model added it (an expansion term). */
  readonly inText: boolean | undefined
  /** Where the term stands in the text: `[start, end)` in UTF-16 units. */
  readonly offsets: readonly (readonly [start: number, end: number])[]
}

/** Why a document has its score. */
export interface HitExplanation {
  readonly score: number
  /** The scorer's tree; its leaves sum to the score. */
  readonly explanation: Explanation
  /** The terms of the score, the largest contribution first. */
  readonly terms: readonly TermExplanation[]
  /** The text, or passage of it, that was scored. */
  readonly text: string
  /** What each kind of terms adds to the score; there where words may be terms of one vector. */
  readonly subtotals?: { readonly model: number; readonly words: number }
  /** Of a fused score: what each list adds. Terms are of all lists, each by what it adds there. */
  readonly lists?: readonly FusionPart[]
}

/** Words that are terms. */
export interface HitWords {
  /** Terms from here on are words. */
  readonly firstTermId: number
  /** The words of the query; none where it was a vector. */
  readonly query: readonly TermPlace[]
  /** The words of the text that was scored. */
  readonly text: readonly TermPlace[]
}

/** What {@link explainHit} joins. */
export interface HitParts {
  /** The scorer's own explanation of the score. */
  readonly explanation: Explanation
  readonly contributions: readonly TermContribution[]
  /** The text, or passage of it, that was scored. */
  readonly text: string
  /** The query, unless it was a vector. */
  readonly queryText?: string
  /** The tokenizer of the model; without it, terms are numbers and cannot be found in the text. */
  readonly tokenizer?: Tokenizer
  /** Tokens of the text that the model read; default 256. */
  readonly maxTokens?: number
  /** Where words are terms, too. */
  readonly words?: HitWords
}

/** Joins a scorer's explanation with the texts: which terms stand where, which the model added. */
export function explainHit(parts: HitParts): HitExplanation {
  const {
    explanation,
    contributions,
    text,
    queryText,
    tokenizer,
    maxTokens = DEFAULT_MAX_TOKENS,
    words
  } = parts
  const offsetsOf = tokenizer && offsetsByTerm(tokenizer, text, maxTokens)
  const queryTerms =
    tokenizer && queryText !== undefined
      ? new Set(offsetsByTerm(tokenizer, queryText, maxTokens).keys())
      : undefined
  const ofModel = (contribution: TermContribution): TermExplanation => ({
    ...contribution,
    kind: 'model',
    term: tokenizer?.vocabulary.display(contribution.termId) ?? `${contribution.termId}`,
    share: contribution.value / explanation.value,
    inQuery: queryTerms?.has(contribution.termId),
    inText: offsetsOf?.has(contribution.termId),
    offsets: offsetsOf?.get(contribution.termId) ?? []
  })
  if (words === undefined) {
    return { score: explanation.value, explanation, terms: contributions.map(ofModel), text }
  }
  const isWord = ({ termId }: TermContribution): boolean => termId >= words.firstTermId
  const terms = contributions.map(contribution =>
    isWord(contribution) ? ofWord(contribution, words, explanation.value) : ofModel(contribution)
  )
  const sumOf = (kind: TermExplanation['kind']): number =>
    terms.reduce((sum, term) => (term.kind === kind ? sum + term.value : sum), 0)
  const subtotals = { model: sumOf('model'), words: sumOf('word') }
  return { score: explanation.value, explanation, terms, text, subtotals }
}

/** A word, by its spelling in the query, and where the text has words that count as the same. */
function ofWord(
  contribution: TermContribution,
  { query, text }: HitWords,
  score: number
): TermExplanation {
  const isIt = ({ termId }: TermPlace): boolean => termId === contribution.termId
  const spelt = query.find(isIt)
  const places = text.filter(isIt)
  return {
    ...contribution,
    kind: 'word',
    term: spelt?.word ?? `${contribution.termId}`,
    ...(spelt && { stem: spelt.stem }),
    share: contribution.value / score,
    inQuery: query.length === 0 ? undefined : true,
    inText: places.length > 0,
    offsets: places.map(({ start, end }) => [start, end] as const)
  }
}

function offsetsByTerm(
  tokenizer: Tokenizer,
  text: string,
  maxTokens: number
): Map<number, [number, number][]> {
  const { ids, offsets } = tokenizer.encode(text, { maxTokens })
  const byTerm = new Map<number, [number, number][]>()
  ids.forEach((id, i) => {
    const start = offsets[2 * i]!
    const end = offsets[2 * i + 1]!
    if (start === end) return
    const spans = byTerm.get(id) ?? []
    spans.push([start, end])
    byTerm.set(id, spans)
  })
  return byTerm
}
