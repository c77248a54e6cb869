import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { paretoFront } from 'esplanade/eval'
import { machine, markdownOf } from '../judged/page.mjs'
import { COSTS, tableOf } from './table.mjs'

/**
 * `docs/cost.md` and its charts, made of the rows that `--store` keeps.
 */

const path = name => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const storePath = path('bench/results/pareto.jsonl')
const pagePath = path('docs/cost.md')
const cli = path('dist/cli/main.js')

/** What the page shows the mean of. */
const MEAN = 'mean'

/** The rows that are kept. */
export function storedRows() {
  if (!existsSync(storePath)) return []
  const lines = readFileSync(storePath, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line))
}

/**
 * Keeps rows in place of those of the same judgements.
 *
 * @param {readonly any[]} rows
 */
export function storeRows(rows) {
  const names = new Set(rows.map(({ collection }) => collection))
  const others = storedRows().filter(({ collection }) => !names.has(collection))
  const isTimed = rows.every(({ searchMsP50 }) => searchMsP50 !== undefined)
  const measured = isTimed ? machine() : 'No times: measured with `--quality-only`.'
  const lines = [...others, ...rows.map(row => ({ ...row, measured }))]
  mkdirSync(dirname(storePath), { recursive: true })
  writeFileSync(storePath, lines.map(row => `${JSON.stringify(row)}\n`).join(''))
}

/** The page, and a chart for each cost that was measured. */
export function writePage() {
  const rows = storedRows()
  const means = meanRows(rows)
  const charts = COSTS.filter(({ figure }) => means.every(row => row[figure] !== undefined))
  for (const { key, title } of charts) drawChart(means, key, title)
  writeFileSync(pagePath, pageOf(rows, means, charts))
}

/**
 * Settings that all sets of judgements have, with the mean of each figure.
 *
 * @param {readonly any[]} rows
 * @returns {any[]}
 */
export function meanRows(rows) {
  const sets = new Set(rows.map(({ collection }) => collection))
  const bySetting = grouped(rows)
  return [...bySetting.values()]
    .filter(group => group.length === sets.size)
    .map(group => {
      const [first] = group
      const mean = figure => {
        const values = group.map(figure)
        if (values.some(value => typeof value !== 'number')) return values[0]
        return values.reduce((sum, value) => sum + value, 0) / values.length
      }
      const figures = Object.keys(first).filter(name => name !== 'metrics')
      return {
        ...Object.fromEntries(figures.map(name => [name, mean(row => row[name])])),
        metrics: Object.fromEntries(
          Object.keys(first.metrics).map(name => [name, mean(row => row.metrics[name])])
        ),
        collection: MEAN
      }
    })
}

function titleOf({ group, setting }) {
  return `${group}: ${setting}`
}

function grouped(rows) {
  const groups = new Map()
  for (const row of rows) {
    const title = titleOf(row)
    groups.set(title, [...(groups.get(title) ?? []), row])
  }
  return groups
}

/** Drawn by `bench pareto`, as users draw theirs. */
function drawChart(rows, key, title) {
  const input = rows.map(row => `${JSON.stringify(row)}\n`).join('')
  const args = [cli, 'bench', 'pareto', '-', '--cost', key, '--metric', 'nDCG@10']
  const file = path(`docs/cost-${key}.svg`)
  const { status, stderr } = spawnSync(process.execPath, [...args, '--svg', file], {
    input,
    encoding: 'utf8'
  })
  if (status !== 0) throw new Error(`the chart of ${title} was not drawn: ${stderr}`)
}

/**
 * @param {readonly any[]} rows
 * @param {readonly any[]} means
 * @param {typeof COSTS} charts
 * @returns {string} Markdown
 */
export function pageOf(rows, means, charts) {
  const sets = [...new Set(rows.map(({ collection }) => collection))]
  const images = charts.map(({ key, title }) => {
    return `![nDCG@10 over ${title}, mean of ${sets.length} sets of judgements](cost-${key}.svg)`
  })
  const mean = [
    `## Mean of ${sets.join(', ')}`,
    'Settings that all sets have. In bold in a chart, and here from the cheapest to the best, what no\nother one beats:',
    charts.map(cost => frontOf(means, cost)).join('\n'),
    ...images,
    markdownOf(tableOf(means))
  ]
  const sections = sets.map(name => sectionOf(rows.filter(row => row.collection === name)))
  return `${[INTRODUCTION, ...mean, ...sections].join('\n\n')}\n`
}

/** The settings that no other one beats in a cost, in a sentence. */
function frontOf(rows, { figure, title, show }) {
  const front = paretoFront(rows, {
    cost: row => row[figure],
    quality: row => row.metrics['nDCG@10']
  })
  const steps = front.map(row => {
    return `${row.setting} ${row.metrics['nDCG@10'].toFixed(4)} for ${show(row[figure])}`
  })
  return `- **${title}**: ${steps.join('; ')}.`
}

function sectionOf(rows) {
  const [{ collection, numDocuments, numQueries, measured }] = rows
  const counts = `${numDocuments.toLocaleString('en')} documents, ${numQueries} queries.`
  return [`## ${collection}`, counts, markdownOf(tableOf(rows)), measured].join('\n\n')
}

const INTRODUCTION = `<!-- Made by \`npm run bench -- pareto --store\`; do not edit. -->

# Cost beside quality

What each way of searching finds, and what it costs, as the SPLADE papers give it: the shipped model as
it comes, then one thing changed at a time. The rows are kept in \`bench/results/pareto.jsonl\`;
\`npm run bench -- pareto --store\` measures them anew and writes this page. The same for a collection of
your own:

    esplanade bench search notes --topics queries.jsonl --qrels test.tsv --html cost.html

## The columns

- **nDCG@10**, **MRR@10** (ir-measures: \`RR@10\`), **R@100**: means over the judged queries, of the first
  1,000 hits. Where grades go beyond 1 (DL19, DL20), MRR and recall count documents from grade 2, as TREC
  does. \`-pool\`: the documents are the judged passages and others of the pool, not all of MS MARCO.
- **FLOPS**: products of a query and a document on average, the sum over all terms of p(a query has the
  term) · p(a document has it). Paria et al., "Minimizing FLOPs to Learn Efficient Sparse
  Representations" (ICLR 2020, arXiv:2004.05665); Formal et al., "SPLADE" (SIGIR 2021, arXiv:2107.05720);
  computed as in naver/splade's \`flops.py\`, here over the judged queries and all documents. A dense
  vector of 384 numbers has 384 by the same definition; lists that are fused add up. It says how much
  there is to multiply, not how fast that goes: a scan of dense vectors multiplies 384 numbers in a row,
  postings are scattered, and a search that skips documents multiplies fewer.
- **scaled**: the regulariser that SPLADE is trained with, 0.5 · ℓ(queries) + 0.4 · ℓ(documents), with
  ℓ = Σ (mean weight of a term)² (the same papers). The model cards of prithivida/Splade_PP_en_v1 and v2
  name a "Scaled total FLOPS loss"; their text has no formula and no λ (the figures are in a picture), so
  this is our reading, with the λ of SPLADE++'s own recipe (naver/splade,
  \`config_splade++_cocondenser_ensembledistil.yaml\`). Compare it between rows of this page, not with the
  cards. It is of the model's weights only.
- **query terms**, **doc. terms**: active terms of a vector on average (L0); dimensions of a dense one.
- **bytes**: the index alone: postings, forward index, keys; for dense vectors the float32 numbers and
  their 8-bit codes. Texts are not in it. **B/doc.**, **B/posting**: the same by document and posting.
- **encode**, **search**, **text → hits**: milliseconds of one query after the other on one thread, to
  10 hits: from the text to the vectors, from those to the hits, and both; p50, and p99 beside it. All
  settings answer all queries of a set five times in turn, and the first time does not count;
  **least–most** are the p50 of the single passes.
- **front**: no other row has a higher nDCG@10 for at most the same FLOPS (F), bytes (B), or time from
  text to hits (T).

## The rows

- **one list**: \`splade-tiny\` (float32, 256 tokens), BM25 (Lucene's, k1 1.2, b 0.75, stemmed), both in
  one vector, and \`all-MiniLM-L6-v2\` in int8 (cosine, exact scan).
- **pruning** of the documents' vectors ([pruning.md](pruning.md)), **query mode**
  ([query-modes.md](query-modes.md)), **precision** of the index or of the model: of \`splade-tiny\`, all
  else as in *sparse*.
- **fusion** of lists ([fusion.md](fusion.md)): each list gives 1,000 hits, so that all methods do the same
  work. The mode \`hybrid\` of a collection reads less ([hybrid.md](hybrid.md)).

Nothing is tuned to these sets: limits are round numbers, weights the library's defaults.`
