import type { HitExplanation } from 'esplanade'
import type { FusionPart } from 'esplanade/fusion'
import { padEnd } from './display-width.ts'
import { barOf, INDENT, percent } from './explanation-rows.ts'
import type { Terminal } from './terminal.ts'

/** What each list adds to a fused score: its rank and score there, made comparable, times its weight. */
export function fusedTable({ lists = [], score }: HitExplanation, { paint }: Terminal): string {
  const header = `${INDENT}${padEnd('list', 8)}  rank      score        as × weight =    adds   share`
  return [paint(header, 'dim'), ...lists.map(part => rowOf(part, score))].join('\n')
}

function rowOf(
  { list, rank, score, normalized, factor, value }: FusionPart,
  fused: number
): string {
  const cells = [
    (rank === undefined ? '–' : `${rank}`).padStart(6),
    (score === undefined ? '' : score.toFixed(4)).padStart(11),
    normalized.toFixed(4).padStart(10),
    '×',
    factor.toFixed(3).padStart(6),
    '=',
    value.toFixed(4).padStart(7),
    percent(value / fused),
    barOf(value / fused)
  ]
  return `${INDENT}${padEnd(list, 8)}${cells.join(' ')}`.trimEnd()
}
