import {
  bestSnippet,
  type HitExplanation,
  highlights,
  type TermExplanation
} from 'esplanade/explain'
import { displayWidth, padEnd, shorten } from './display-width.ts'
import { barOf, INDENT, percent } from './explanation-rows.ts'
import { fusedTable } from './fused-table.ts'
import { highlighted, printable, wrapPainted } from './highlighted-text.ts'
import type { Terminal } from './terminal.ts'

const MAX_TERM_WIDTH = 24

/** The best window of a text, of at most `maxLength` UTF-16 units, with its matches marked. */
export function snippetLines(
  { text, terms }: HitExplanation,
  maxLength: number,
  terminal: Terminal
): string {
  if (text.trim() === '') return `${INDENT}(empty)`
  const found = highlights(terms)
  const { start, end } = bestSnippet(text, found, maxLength)
  const line = highlighted(text, found, terminal, start, end)
  const more = end < text.length ? ' …' : ''
  return wrapPainted(`${start > 0 ? '… ' : ''}${line}${more}`, INDENT, terminal.columns)
}

/**
 * What a score is made of: the lists, where it is a fused one, and the terms. A score without terms is
 * what its explanation says.
 */
export function explanationTable(
  explained: HitExplanation,
  maxTerms: number,
  terminal: Terminal
): string {
  const { lists = [], terms, explanation } = explained
  const tables = [
    ...(lists.length > 0 ? [fusedTable(explained, terminal)] : []),
    ...(terms.length > 0 ? [termTable(explained, maxTerms, terminal)] : [])
  ]
  return (
    tables.join('\n') || terminal.paint(`${INDENT}${printable(explanation.description)}`, 'dim')
  )
}

/** The terms of a score by what they add, at most `maxTerms`, and what the model has added. */
function termTable(
  { terms, score, subtotals }: HitExplanation,
  maxTerms: number,
  terminal: Terminal
): string {
  const { paint } = terminal
  const shown = terms.slice(0, maxTerms)
  const rest = terms.slice(maxTerms)
  const widths = shown.map(term => displayWidth(labelOf(term)))
  const termWidth = Math.min(MAX_TERM_WIDTH, Math.max(8, ...widths))
  const header = `${INDENT}${padEnd('term', termWidth)}   query × document = product   share`
  const rows = shown.map(term => termRow(term, termWidth, paint))
  if (rest.length > 0) {
    const product = rest.reduce((sum, term) => sum + term.product, 0)
    const share = rest.reduce((sum, term) => sum + term.share, 0)
    const label = padEnd(`${rest.length} more`, termWidth + 21)
    rows.push(`${INDENT}${label} ${product.toFixed(3).padStart(7)} ${percent(share)}`)
  }
  const added = terms.filter(({ inText }) => inText === false)
  if (added.length > 0) {
    const share = added.reduce((sum, term) => sum + term.value, 0) / score
    const count = `${added.length} of ${terms.length} terms, ${percent(share).trim()} of the score`
    rows.push(paint(`   + added by the model: ${count}`, 'dim'))
  }
  const words = terms.filter(({ kind }) => kind === 'word')
  if (subtotals !== undefined && words.length > 0) {
    const count = `${words.length} of ${terms.length} terms`
    const shares = [
      `${percent(subtotals.words / score).trim()} of the score`,
      ...(words.length < terms.length
        ? [`the model's ${percent(subtotals.model / score).trim()}`]
        : [])
    ]
    rows.push(paint(`   = words (BM25): ${count}, ${shares.join('; ')}`, 'dim'))
  }
  return [paint(header, 'dim'), ...rows].join('\n')
}

function termRow(term: TermExplanation, termWidth: number, paint: Terminal['paint']): string {
  const { queryWeight, documentWeight, product, share, inText, kind } = term
  const added = inText === false
  const label = padEnd(shorten(printable(labelOf(term)), termWidth), termWidth)
  const sign = kind === 'word' ? '=' : added ? '+' : ' '
  const name = paint(`   ${sign} ${label}`, added ? 'cyan' : 'yellow')
  const weights = `${queryWeight.toFixed(3).padStart(6)} × ${documentWeight.toFixed(3).padStart(8)}`
  return `${name}  ${weights} = ${product.toFixed(3).padStart(7)} ${percent(share)} ${barOf(share)}`.trimEnd()
}

/** A word with its stem, where that is another. */
function labelOf({ term, stem }: TermExplanation): string {
  return stem === undefined || stem === term ? term : `${term} (${stem})`
}
