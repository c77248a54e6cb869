/**
 * What a durable collection costs: how fast it takes documents while it is searched, how long it takes
 * to open, what a search costs beside the bare engine on the same vectors, what filters cost, and the
 * room on the disk. Each part runs in a fresh process; collection and bare index take turns.
 *
 *     npm run bench -- collection [--docs 500000] [--durability sync] [--rate 15000]
 *         [--rounds 3] [--compact] [--json] [--keep DIR]
 *
 * With `--rate` documents arrive at so many a second instead of as fast as they are taken. With
 * `--compact` the collection is compacted before it is opened and searched.
 *
 * The vectors are those of `npm run bench -- search`. Every document has 200 bytes of metadata.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bytesOfFolder } from './collection/disk.mjs'
import { quantile } from './encode/spread.mjs'
import { runScript } from './search/child.mjs'
import { documentFile, queryFile } from './search/vectors.mjs'

const FILTERS = [1, 10, 50]

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '100000' },
    durability: { type: 'string', default: 'sync' },
    rate: { type: 'string' },
    compact: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})
const numDocuments = Number(values.docs)
const documents = await documentFile(numDocuments)
const queries = await queryFile('short')
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'esplanade-bench-'))
const place = join(folder, 'collection')
const index = join(folder, 'index.esp')

try {
  say(`writing ${numDocuments} documents (${values.durability})`)
  const { durability, compact } = values
  const rate = values.rate && Number(values.rate)
  const [write] = part('write.mjs', { place, documents, queries, durability, rate, compact })
  say(`building the bare index`)
  part('bare-build.mjs', { index, documents })
  const rounds = []
  for (let round = 0; round < Number(values.rounds); round++) {
    say(`round ${round + 1}`)
    const [bare] = part('bare-search.mjs', { index, queries })
    const [own] = part('search.mjs', { place, queries, documents, filters: FILTERS })
    rounds.push({ bare, own })
  }
  const row = rowOf(write, rounds)
  process.stdout.write(values.json ? `${JSON.stringify(row)}\n` : render(row))
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true })
}

function part(script, spec) {
  return runScript(`../collection/${script}`, spec)
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function rowOf(write, rounds) {
  const median = figures => quantile(figures, 0.5)
  const over = figure => median(rounds.map(figure))
  const disk = bytesOfFolder(place)
  const rawBytes = write.numPostings * 8 + write.metadataBytes
  return {
    docs: numDocuments,
    durability: values.durability,
    ...(values.rate && { rate: Number(values.rate) }),
    ...write,
    openS: over(({ own }) => own.openS),
    p50Ms: over(({ own }) => own.p50Ms),
    bareP50Ms: over(({ bare }) => bare.p50Ms),
    ratioToBare: over(({ own, bare }) => own.p50Ms / bare.p50Ms),
    filters: FILTERS.map((percent, i) => ({
      percent,
      p50Ms: over(({ own }) => own.filters[i].p50Ms),
      firstMs: over(({ own }) => own.filters[i].firstMs),
      ratio: over(({ own }) => own.filters[i].p50Ms / own.p50Ms)
    })),
    rssMiB: over(({ own }) => own.rssMiB),
    fileMiB: over(({ own }) => own.fileMiB),
    rssToSegments: over(({ own }) => (own.rssMiB * 2 ** 20) / own.segmentBytes),
    diskBytes: disk,
    diskToRaw: disk / rawBytes
  }
}

function render(row) {
  const ms = value => `${value.toPrecision(3)} ms`
  const lines = [
    ['documents', row.docs.toLocaleString('en')],
    ['durability', row.durability],
    [
      'written',
      `${Math.round(row.docsPerS).toLocaleString('en')} documents/s, ${row.writeS.toFixed(1)} s`
    ],
    ['then merged in', `${row.settleS.toFixed(1)} s`],
    [
      'search while writing',
      `p50 ${ms(row.busyP50Ms)}, p99 ${ms(row.busyP99Ms)}, most ${ms(row.busyMaxMs)}`
    ],
    ['search when idle', `p50 ${ms(row.idleP50Ms)}, p99 ${ms(row.idleP99Ms)}`],
    ['p99, busy to idle', `${(row.busyP99Ms / row.idleP99Ms).toFixed(2)}`],
    ...(row.compactS === undefined ? [] : [['then compacted in', `${row.compactS.toFixed(1)} s`]]),
    ['open', `${row.openS.toFixed(2)} s, ${row.numSegments} segments`],
    [
      'search',
      `p50 ${ms(row.p50Ms)}, bare engine ${ms(row.bareP50Ms)}, ratio ${row.ratioToBare.toFixed(2)}`
    ],
    ...row.filters.map(({ percent, p50Ms, firstMs, ratio }) => [
      `filter keeps ${percent} %`,
      `p50 ${ms(p50Ms)}, ratio ${ratio.toFixed(2)}; the first time ${ms(firstMs)}`
    ]),
    [
      'memory (RSS)',
      `${Math.round(row.rssMiB)} MiB, ${row.rssToSegments.toFixed(2)} of the segments; ${Math.round(row.fileMiB)} MiB of it pages of files`
    ],
    [
      'disk',
      `${Math.round(row.diskBytes / 2 ** 20)} MiB, ${row.diskToRaw.toFixed(2)} of vectors and metadata`
    ]
  ]
  return `${lines.map(([name, value]) => `${name.padEnd(22)}${value}`).join('\n')}\n`
}
