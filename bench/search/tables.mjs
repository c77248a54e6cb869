import { titleOf } from './rows.mjs'

/**
 * The rows of one run as tables of text cells, which `search.mjs` prints and `page.mjs` puts into
 * the documentation.
 *
 * @typedef {{ head: string[], body: string[][] }} Table
 */

const NONE = '–'

/**
 * The rows without the approximate settings that another one beats in both time and overlap.
 *
 * @param {readonly any[]} rows of one number of documents
 */
export function worthShowing(rows) {
  const tried = rows.filter(({ settings }) => settings !== undefined)
  const isBeaten = ({ p50Ms, overlap }) =>
    tried.some(
      other =>
        (other.p50Ms < p50Ms && other.overlap >= overlap) ||
        (other.p50Ms === p50Ms && other.overlap > overlap)
    )
  return rows.filter(row => row.settings === undefined || !isBeaten(row))
}

/**
 * All tables of the rows.
 *
 * @param {readonly any[]} rows of one number of documents
 * @returns {Table[]}
 */
export function tablesOf(rows) {
  const shown = worthShowing(rows)
  const tables = [figuresTable(shown), ratiosTable(shown), workTable(shown)]
  return tables.filter(table => table !== undefined)
}

/** @type {[head: string, cell: (row: any) => string][]} */
const FIGURES = [
  ['exact', ({ rankSafe }) => (rankSafe === null ? NONE : rankSafe ? 'yes' : 'no')],
  ['overlap', ({ overlap }) => overlap.toFixed(4)],
  ['p50 ms', ({ p50Ms }) => digits(p50Ms)],
  ['min–max', ({ spread, rounds }) => rangeOf(spread.p50Ms, rounds)],
  ['mean', ({ meanMs }) => digits(meanMs)],
  ['p90', ({ p90Ms }) => digits(p90Ms)],
  ['p99', ({ p99Ms }) => digits(p99Ms)],
  ['queries/s', ({ qps }) => whole(qps)],
  ['build s', ({ buildS }) => digits(buildS)],
  ['open s', ({ openS }) => digits(openS)],
  ['B/posting', ({ bytesPerPosting }) => digits(bytesPerPosting)],
  ['B/document', ({ bytesPerDocument }) => whole(bytesPerDocument)],
  ['RSS MiB', ({ rssMiB }) => whole(rssMiB)]
]

/**
 * The figures of everybody on the same documents.
 *
 * @param {readonly any[]} rows
 * @returns {Table}
 */
export function figuresTable(rows) {
  return {
    head: ['', ...FIGURES.map(([head]) => head)],
    body: rows.map(row => [nameOf(row), ...FIGURES.map(([, cell]) => cell(row))])
  }
}

/**
 * How many times faster ours are than each peer: a line for each peer, a column for each of ours.
 *
 * @param {readonly any[]} rows
 * @returns {Table | undefined} undefined where there is no peer
 */
export function ratiosTable(rows) {
  const peers = rows.filter(({ peer }) => peer !== null)
  const ours = rows.filter(isCompared)
  if (peers.length === 0 || ours.length === 0) return undefined
  const head = ['times faster, by p50', 'overlap', ...ours.map(nameOf)]
  const body = peers.map(peer => [
    titleOf(peer),
    peer.overlap.toFixed(4),
    ...ours.map(({ timesFaster }) => {
      const ratio = timesFaster[titleOf(peer)]
      return ratio === undefined ? NONE : `${digits(ratio.median)} (${rangeOf(ratio, 2)})`
    })
  ])
  return { head, body }
}

/**
 * What a query cost ours, on average.
 *
 * @param {readonly any[]} rows
 * @returns {Table}
 */
export function workTable(rows) {
  const ours = rows.filter(({ peer, p50Ms }) => peer === null && p50Ms !== null)
  const counts = [
    ['numQueryTerms', 'terms'],
    ['numPostings', 'postings added up'],
    ['numBlocks', 'blocks bounded'],
    ['numScored', 'documents scored']
  ]
  return {
    head: ['a query', 'ran as', ...counts.map(([, label]) => label)],
    body: ours.map(row => [
      nameOf(row),
      row.ranAs.join(', '),
      ...counts.map(([count]) => digits(row.work[count]))
    ])
  }
}

/** Exact ones, and of the approximate ones that which won. */
function isCompared({ peer, p50Ms, settings, fastestAtOverlap }) {
  return (
    peer === null && p50Ms !== null && (settings === undefined || fastestAtOverlap !== undefined)
  )
}

function nameOf(row) {
  const mark = row.fastestAtOverlap === undefined ? '' : ` (fastest at ${row.fastestAtOverlap})`
  return titleOf(row) + mark
}

function rangeOf(spread, rounds) {
  return spread === null || rounds < 2 ? NONE : `${digits(spread.min)}–${digits(spread.max)}`
}

function whole(figure) {
  return figure === null ? NONE : figure.toFixed(0)
}

/** Three digits that count, at most three of them after the point. */
function digits(figure) {
  if (figure === null || figure === undefined) return NONE
  const size = Math.abs(figure)
  return figure.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}
