import type { Interval, MovedDocument } from 'esplanade/eval'
import type { TermExplanation } from 'esplanade/explain'
import type { CompareView, SignificanceTest } from './compare-view.ts'
import { readableCount } from './readable.ts'

/** A value of a metric: four digits, as published figures have. */
export function figure(value: number): string {
  return value.toFixed(4)
}

/** A difference, with its sign; a true minus is as wide as a plus. */
export function signed(value: number): string {
  const digits = Math.abs(value).toFixed(4)
  if (Number(digits) === 0) return '0.0000'
  return `${value > 0 ? '+' : '−'}${digits}`
}

/** `0.4412 to 0.5703`; with signs for an interval of a difference. */
export function between({ low, high }: Interval, format: (value: number) => string): string {
  return `${format(low)} to ${format(high)}`
}

/** A p-value with as many digits as matter. */
export function probability(p: number): string {
  return p < 0.0001 ? '<0.0001' : p.toFixed(4)
}

const MARKS: readonly (readonly [below: number, mark: string])[] = [
  [0.001, '***'],
  [0.01, '**'],
  [0.05, '*']
]

/** Stars for a p-value; none from 0.05 on. */
export function markOf(pValue: number): string {
  return MARKS.find(([below]) => pValue < below)?.[1] ?? ''
}

const TEST_NAMES: Readonly<Record<SignificanceTest, string>> = {
  't-test': 'paired t-test',
  randomization: 'randomisation test'
}

const TERMS =
  'Terms with what they add to the score in the collection: + added by the model, = words (BM25).'

function isExplained({ moves }: CompareView): boolean {
  const moved = moves.flatMap(({ up, down }) => [...up, ...down])
  return moved.some(({ documents }) => documents.some(({ reason }) => reason !== undefined))
}

/** What the marks mean and how the figures were found, a sentence each. */
export function legendOf(view: CompareView): string[] {
  const { test, confidence, numPermutations, seed, comparison } = view
  const numOthers = comparison.runs.length - 1
  const corrected = numOthers > 1 ? `, Holm-corrected for ${numOthers} runs` : ''
  const drawn =
    test === 'randomization' ? `, ${readableCount(numPermutations)} permutations, seed ${seed}` : ''
  return [
    `Against ${comparison.baseline}: * p < 0.05, ** p < 0.01, *** p < 0.001` +
      ` (${TEST_NAMES[test]}, two-sided${corrected}${drawn}).`,
    `Intervals: ${percent(confidence)}, percentile bootstrap over queries.`,
    ...(isExplained(view) ? [TERMS] : [])
  ]
}

/** `95 %`. */
export function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(1))} %`
}

/** `57 → 3`, or `– → 3` where the document was not found before. */
export function rankChange({ rankBefore, rankAfter }: MovedDocument): string {
  return `${rankBefore ?? '–'} → ${rankAfter ?? '–'}`
}

/** What the judges said of a document. */
export function gradeName(grade: number | undefined): string {
  return grade === undefined ? 'not judged' : `grade ${grade}`
}

/** A term as it is named: `+` before one that the model added to the text, `=` before a word. */
export function termName({ term, kind, inText }: TermExplanation): string {
  if (kind === 'word') return `=${term}`
  return inText === false ? `+${term}` : term
}

/** A term with what it adds to the score. */
export function termFigure(term: TermExplanation): string {
  return `${termName(term)} ${term.value.toFixed(2)}`
}
