/**
 * `npm run bench -- pareto`: cost beside quality, as the SPLADE papers give it: FLOPS, active terms,
 * bytes and times beside nDCG@10, MRR@10 and recall on BEIR collections, over pruning, query modes,
 * precision and fusion. The documents' vectors are made once and kept (`.cache/bench-judged`).
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: scifact, cranfield, msmarco-pool (default: all)
 *   --settings WORD       only settings whose group or name has this word
 *   --passes N            passes over all queries, the first of which does not count (default: 5)
 *   --cached              only settings whose vectors are kept already: the first run of the others
 *                         encodes 37,000 passages, which takes a quarter of an hour
 *   --quality-only        no times: what does not depend on the machine
 *   --json                one object a setting and set of judgements
 *   --store               keep the rows in bench/results/pareto.jsonl, in place of those of the same
 *                         judgements, and write docs/cost.md and its charts
 *   --page                only write the page and charts of the rows that are kept
 */
import { parseArgs } from 'node:util'
import { DATA, JUDGEMENTS, judgedCollection } from './judged/collections.mjs'
import { textOf } from './judged/page.mjs'
import { measured } from './pareto/measure.mjs'
import { storeRows, writePage } from './pareto/page.mjs'
import { SETTINGS } from './pareto/settings.mjs'
import { tableOf } from './pareto/table.mjs'
import { isReady } from './pareto/vectors.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: DATA },
    collections: { type: 'string', default: Object.keys(JUDGEMENTS).join() },
    settings: { type: 'string', default: '' },
    passes: { type: 'string', default: '5' },
    cached: { type: 'boolean', default: false },
    'quality-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    store: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false }
  }
})

/** Encoding by another precision takes minutes on more documents than these. */
const MAX_ENCODED_ANEW = 10_000

if (values.page) writePage()
else await main()

async function main() {
  const passes = Number(values.passes)
  if (!Number.isInteger(passes) || passes < 2) {
    process.stderr.write(`--passes ${values.passes}: expected a whole number from 2\n`)
    process.exit(2)
  }
  const word = values.settings.toLowerCase()
  const rows = []
  for (const name of values.collections.split(',')) {
    const judged = await judgedCollection(values.data, name)
    const isSmall = judged.keys.length <= MAX_ENCODED_ANEW
    const settings = SETTINGS.filter(setting => {
      const { group, name: title, encoding } = setting
      if (values.cached && !isReady(judged, setting)) return false
      return `${group}, ${title}`.toLowerCase().includes(word) && (isSmall || !encoding)
    })
    rows.push(...(await measured(judged, settings, values['quality-only'] ? 0 : passes)))
  }
  if (values.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else {
    for (const collection of new Set(rows.map(row => row.collection))) {
      const own = rows.filter(row => row.collection === collection)
      process.stdout.write(`${collection}\n${textOf(tableOf(own))}\n`)
    }
  }
  if (values.store) {
    storeRows(rows)
    writePage()
  }
}
