import { paretoFront } from 'esplanade/eval'
import { figure } from './compare-figures.ts'
import { COSTS, type CostRow } from './cost-row.ts'
import { nameOf } from './pareto-chart.ts'

/** Rows of cost and quality as cells of text, the head first. */
export function costTable(rows: readonly CostRow[]): string[][] {
  const metrics = Object.keys(rows[0]?.metrics ?? {})
  const marks = frontMarks(rows, metrics[0])
  const hasLoss = rows.some(({ scaledFlopsLoss }) => typeof scaledFlopsLoss === 'number')
  const isTimed = rows.every(({ queryMsP50 }) => typeof queryMsP50 === 'number')
  const head = [
    'setting',
    ...metrics,
    'FLOPS',
    ...(hasLoss ? ['scaled loss'] : []),
    'query terms',
    'doc. terms',
    'bytes',
    'B/posting',
    ...(isTimed ? ['encode ms', 'search ms', 'least–most', 'p99', 'text → hits', 'p99'] : []),
    ...(marks ? ['front'] : [])
  ]
  const body = rows.map((row, i) => [
    nameOf(row, rows),
    ...metrics.map(metric => figure(row.metrics[metric] ?? Number.NaN)),
    short(row.flops),
    ...(hasLoss ? [short(row.scaledFlopsLoss)] : []),
    row.queryTerms.toFixed(1),
    row.documentTerms.toFixed(1),
    row.indexBytes.toLocaleString('en'),
    row.bytesPerPosting?.toFixed(2) ?? '–',
    ...(isTimed
      ? [
          short(row.encodeMsP50),
          short(row.searchMsP50),
          `${short(row.searchMsP50Least)}–${short(row.searchMsP50Most)}`,
          short(row.searchMsP99),
          short(row.queryMsP50),
          short(row.queryMsP99)
        ]
      : []),
    ...(marks ? [marks[i] || '–'] : [])
  ])
  return [head, ...body]
}

/** Three digits that count; `–` where there is no figure. */
function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
}

/** For each row the letters of the costs in which no other row beats it. */
function frontMarks(rows: readonly CostRow[], metric: string | undefined): string[] | undefined {
  if (metric === undefined) return undefined
  const marks = rows.map(() => '')
  for (const { figure: name, letter } of Object.values(COSTS)) {
    if (!rows.every(row => Number.isFinite(row[name]))) continue
    const front = paretoFront(rows.keys(), {
      cost: i => rows[i]![name],
      quality: i => rows[i]!.metrics[metric]!
    })
    for (const i of front) marks[i] += letter
  }
  return marks
}

/** What the columns mean, a sentence each, with its source. */
export const COLUMN_NOTES: readonly (readonly [column: string, meaning: string])[] = [
  [
    'FLOPS',
    'Products of a query and a document on average, Σ p(query has the term) · p(document has it): Paria et al. 2020, arXiv:2004.05665; Formal et al. 2021, arXiv:2107.05720. A dense vector has as many as it has dimensions; lists that are fused add up.'
  ],
  [
    'scaled loss',
    'The regulariser that SPLADE is trained with, 0.5 · ℓ(queries) + 0.4 · ℓ(documents), ℓ = Σ (mean weight of a term)²; of the model’s own vectors only.'
  ],
  ['query terms, doc. terms', 'Active terms of a vector on average; of a document, of a passage.'],
  [
    'bytes, B/posting',
    'The files that are searched, without the documents’ texts. Settings of the same collection share them.'
  ],
  [
    'encode, search, text → hits',
    'Milliseconds of one query after the other on one thread, p50 unless it says p99, over all passes but the first; least–most are the p50 of single passes.'
  ],
  [
    'front',
    'No other row is better in the first metric and costs no more: in FLOPS (F), bytes (B), time from text to hits (T), time from vectors to hits (S).'
  ]
]
