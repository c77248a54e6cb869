import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tablesOf } from './tables.mjs'

/**
 * `docs/benchmarks.md`, made of the rows that `--store` keeps.
 */

const path = name => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const storePath = path('bench/results/search.jsonl')
const pagePath = path('docs/benchmarks.md')

/** The rows that are kept. */
export function storedRows() {
  if (!existsSync(storePath)) return []
  const lines = readFileSync(storePath, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line))
}

/**
 * Keeps the rows of a run in place of those of an earlier run under the same conditions.
 *
 * @param {readonly any[]} rows
 */
export function storeRows(rows) {
  const lines = replaced(storedRows(), rows).map(row => `${JSON.stringify(row)}\n`)
  mkdirSync(dirname(storePath), { recursive: true })
  writeFileSync(storePath, lines.join(''))
}

export function writePage() {
  writeFileSync(pagePath, pageOf(storedRows()))
}

/**
 * Ratios hold within a run only, so a run replaces all rows of the one before it.
 *
 * @param {readonly any[]} kept
 * @param {readonly any[]} rows of one run
 */
export function replaced(kept, rows) {
  const at = kept.findIndex(({ run }) => run === rows[0].run)
  const others = kept.filter(({ run }) => run !== rows[0].run)
  if (at < 0) return [...others, ...rows]
  return [...others.slice(0, at), ...rows, ...others.slice(at)]
}

/**
 * @param {readonly any[]} rows
 * @returns {string} Markdown
 */
export function pageOf(rows) {
  const runs = [...new Set(rows.map(({ run }) => run))]
  const sections = runs.map(run => sectionOf(rows.filter(row => row.run === run)))
  return `${[INTRODUCTION, ...(runs.length === 0 ? [NOTHING] : sections)].join('\n\n')}\n`
}

const INTRODUCTION = `<!-- Made by \`npm run bench -- search --store\`; do not edit. -->

# Benchmarks

How long a search takes, beside other engines on the same vectors in the same run. The rows are kept
in \`bench/results/search.jsonl\`; the command under each heading measures its rows anew and, with
\`--store\`, writes this page. \`npm run bench -- search --help\` names all options.

## How it is measured

- **Vectors**: passages of MS MARCO, encoded by the shipped model (\`splade-tiny\`); more documents
  than there are come from mixing two passages that share a strong term (\`bench/search/mix.mjs\`).
  Where MS MARCO does not lie beside the project, as in an ordinary clone, definitions of WordNet take
  its place. Short queries are questions of MS MARCO; long ones are the first 24 words of a document;
  \`ed\` ones are questions as a large model, SPLADE++ ED, encodes them.
- **Time** is that of one query after the other on one thread, from the vector to the hits: all
  queries five times, the first time not counted. Every side runs in fresh processes, in turn: first
  ours, then the peers, then ours again. A figure is the median of the rounds, with the least and the
  largest beside it; a ratio is taken between a peer and our rounds right before and after it.
- **Right**: nothing is timed before the hits are those of the exhaustive search, with the same scores
  in the same order. \`overlap\` is the part of the true best k, found by a scan of the float32
  vectors that shares no code with the library, that an engine found. Rows that say \`exact\` have the
  guarantee of the library, which with float16 is over the rounded weights; for the peers the column is
  empty, and their overlap speaks. Of the approximate settings those are left out here that another
  one beats in both time and overlap.
- **Build** is the time from vectors to an index, without the writing of files except for zvec, which
  always writes; **open** is the time from file to index, with its checksums; **RSS** is the memory of
  the process after the searches, the file included.
- **zvec** is the npm package \`@zvec/zvec\` with one query thread, on at most 20,000 documents, for it
  takes long to build; ours is timed on those too. **numba**, **seismic** and **bmp** are native
  engines, run from Python by a script that is not part of the project. Seismic's rows are its settings
  from fast to careful; BMP works on 8-bit weights.`

const NOTHING = 'No run is kept yet.'

function sectionOf(rows) {
  const [{ run, docs, date, cpu, cores, memoryGiB, node, command, numPostings, numQueries }] = rows
  const others = [...new Set(rows.map(row => row.docs))].filter(number => number !== docs)
  const perDocument = (numPostings / docs).toFixed(1)
  const machine = `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}`
  return [
    `## ${run}`,
    `${date}, ${machine}; ${numQueries} queries, ${perDocument} terms a document.`,
    `    ${command}`,
    ...tablesOf(rows.filter(row => row.docs === docs)).map(markdownOf),
    ...others.flatMap(number => [
      `### The first ${number.toLocaleString('en-US')} documents, in the same run`,
      ...tablesOf(rows.filter(row => row.docs === number)).map(markdownOf)
    ])
  ].join('\n\n')
}

function markdownOf({ head, body }) {
  const line = cells => `| ${cells.join(' | ')} |`
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'))
  return [head, rule, ...body].map(line).join('\n')
}
