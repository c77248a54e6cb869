import { paretoFront } from 'esplanade/eval'

/** The table of one set of judgements. Rows that no other one beats in a cost have its mark. */

const threeDigits = value => value.toPrecision(3)

/**
 * What is paid: the name that `bench pareto` has for it, the letter that marks a row on its front, and
 * how a figure is written.
 *
 * @type {{ key: string, figure: string, letter: string, title: string, show: (value: number) => string }[]}
 */
export const COSTS = [
  { key: 'flops', figure: 'flops', letter: 'F', title: 'FLOPS', show: threeDigits },
  {
    key: 'bytes',
    figure: 'indexBytes',
    letter: 'B',
    title: 'bytes of the index',
    show: bytes => `${(bytes / 1e6).toFixed(1)} MB`
  },
  {
    key: 'time',
    figure: 'queryMsP50',
    letter: 'T',
    title: 'time from text to hits',
    show: value => `${threeDigits(value)} ms`
  }
]

/** @param {readonly any[]} rows of one set of judgements */
export function tableOf(rows) {
  const isTimed = rows.every(({ searchMsP50 }) => searchMsP50 !== undefined)
  const marks = marksOf(rows)
  const timeHead = ['encode ms', 'p99', 'search ms', 'least–most', 'p99', 'text → hits ms', 'p99']
  return {
    head: [
      'setting',
      'nDCG@10',
      'MRR@10',
      'R@100',
      'FLOPS',
      'scaled',
      'query terms',
      'doc. terms',
      'bytes',
      'B/doc.',
      'B/posting',
      ...(isTimed ? timeHead : []),
      'front'
    ],
    body: rows.map((row, i) => [
      `${row.group}: ${row.setting}`,
      ...['nDCG@10', 'RR@10', 'R@100'].map(metric => row.metrics[metric].toFixed(4)),
      row.flops.toPrecision(3),
      row.scaledFlopsLoss === null ? '–' : row.scaledFlopsLoss.toPrecision(3),
      row.queryTerms.toFixed(1),
      row.documentTerms.toFixed(1),
      row.indexBytes.toLocaleString('en'),
      row.bytesPerDocument.toFixed(0),
      row.bytesPerPosting === null ? '–' : row.bytesPerPosting.toFixed(2),
      ...(isTimed ? timesOf(row) : []),
      marks[i] || '–'
    ])
  }
}

function timesOf(row) {
  return [
    threeDigits(row.encodeMsP50),
    threeDigits(row.encodeMsP99),
    threeDigits(row.searchMsP50),
    `${threeDigits(row.searchMsP50Least)}–${threeDigits(row.searchMsP50Most)}`,
    threeDigits(row.searchMsP99),
    threeDigits(row.queryMsP50),
    threeDigits(row.queryMsP99)
  ]
}

/** `FB` for a row that is on the fronts of FLOPS and of bytes. */
function marksOf(rows) {
  const marks = rows.map(() => '')
  for (const { figure, letter } of COSTS) {
    if (rows.some(row => row[figure] === undefined)) continue
    const front = paretoFront(rows, {
      cost: row => row[figure],
      quality: row => row.metrics['nDCG@10']
    })
    for (const row of front) marks[rows.indexOf(row)] += letter
  }
  return marks
}
