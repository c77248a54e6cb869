import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdownOf } from '../../bench/judged/page.mjs'
import { evalArgs, indexArgs, runArgs, shown } from './commands.mjs'

/**
 * The pages of docs/repro: what the definitions expect, and the commands that lead there. Nothing in
 * them depends on the machine or the day, so a test can tell whether they are up to date.
 *
 * @typedef {import('./definition.mjs').Definition} Definition
 */

const MADE = '<!-- Made of repro/*.yaml by `npm run repro -- --write`; do not edit. -->\n'

/**
 * Writes a page a collection, and their index; pages of collections that are no more are removed.
 *
 * @param {readonly Definition[]} definitions all of them
 * @param {string} folder
 */
export function writePages(definitions, folder) {
  mkdirSync(folder, { recursive: true })
  const pages = pagesOf(definitions)
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.md') && !pages.has(file)) rmSync(join(folder, file))
  }
  for (const [file, text] of pages) writeFileSync(join(folder, file), text)
}

/**
 * @param {readonly Definition[]} definitions
 * @returns {Map<string, string>} text by file name
 */
export function pagesOf(definitions) {
  const collections = groups(definitions)
  const pages = [...collections].map(([name, own]) => [`${name}.md`, collectionPage(name, own)])
  return new Map([...pages, ['README.md', overview(collections)]])
}

function groups(definitions) {
  const found = new Map()
  for (const one of definitions) {
    found.set(one.collection, [...(found.get(one.collection) ?? []), one])
  }
  return found
}

function overview(collections) {
  const names = [...collections.keys()]
  const pipelines = [...new Set([...collections.values()].flat().map(({ pipeline }) => pipeline))]
  const head = ['pipeline', ...names.map(name => `[${name}](${name}.md)`)]
  const body = pipelines.map(pipeline => [
    `\`${pipeline}\``,
    ...[...collections.values()].map(own => {
      const found = own.find(one => one.pipeline === pipeline)
      return found === undefined ? '' : digits(Object.values(found.figures)[0])
    })
  ])
  const measures = new Set([...collections.values()].map(([one]) => Object.keys(one.figures)[0]))
  return `${MADE}
# Reproductions

${[...measures].join(' or ')} of each collection by each pipeline; the pages of the collections have more
figures, and the commands that lead to them:

${markdownOf({ head, body })}

What goes in, with which options, and what has to come out is stated in one file for each cell,
\`repro/COLLECTION.PIPELINE.yaml\`. These pages are made of them, and this runs and compares them:

    npm run repro
    npm run repro -- --only 'wordnet.*'
    npm run repro -- --only '*.bm25' --data DIR

It exits with 1 where a number of the index or a figure is another one. The reverse dictionary is in every
clone; the other collections are not part of the project, and are skipped where their folder is not in
\`DIR\` (default: \`../shared/data/beir\`). Collections are kept in \`.cache/repro\`, by what they were made of;
\`--fresh\` makes them again, which is what shows that encoding still gives the same.

Not all machines round alike, least of all in 8-bit integers, where a close call between two documents
may go the other way: of 120 queries, one whose first hit becomes the second moves the mean of RR@10 by
.004. So each file says how far its figures may be off; BM25 not at all. Some name the figure of an
independent program as well, and ours may not be worse by more than is said there.

After a change that is meant to change figures, \`npm run repro -- --accept\` writes what it measured into
the files and these pages, to be looked at before it is committed; \`--write\` only writes the pages.
`
}

/** @param {readonly Definition[]} own pipelines of one collection */
function collectionPage(name, own) {
  const [first] = own
  return `${MADE}
# ${name}

${first.corpus.origin}

## Figures

${markdownOf(figuresTable(own))}

*May differ*: how far the figures may be off on another machine, either way. *Reference*: ${Object.keys(first.figures)[0]} by
an independent program, where there is one. Each pipeline's file states all of it:
${own.map(one => `[${one.pipeline}](../../repro/${one.name}.yaml)`).join(', ')}.

${own.map(({ pipeline, title }) => `- \`${pipeline}\`: ${title}`).join('\n')}

## Index

${markdownOf(statisticsTable(own))}

The postings may be off by ${percent(first.tolerance.postings)} elsewhere, the other numbers not at all.

## Commands

From a clone, after \`npm run build\`${placeNote(first)}.

${commandsOf(own)}
All of it, compared with the figures above:

    npm run repro -- --only '${name}.*'
`
}

function figuresTable(own) {
  const metrics = Object.keys(own[0].figures)
  return {
    head: ['pipeline', ...metrics, 'may differ', 'reference'],
    body: own.map(({ pipeline, figures, tolerance, reference }) => [
      `\`${pipeline}\``,
      ...metrics.map(metric => digits(figures[metric])),
      tolerance.figures === 0 ? 'no' : String(tolerance.figures),
      digits(reference[metrics[0]])
    ])
  }
}

/** What `esplanade inspect --json` calls it, in words. */
const WORDS = {
  numDocuments: 'documents',
  numPassages: 'passages',
  numDead: 'replaced or deleted',
  numPostings: 'postings',
  numWordPostings: 'of them of words',
  averageLength: 'words of a passage on average',
  numDenseVectors: 'dense vectors',
  dimensions: 'dimensions of them'
}

/** A column for each way to index; most collections have one. */
function statisticsTable(own) {
  const ways = new Map(own.map(one => [JSON.stringify(one.index), one]))
  const columns = [...ways.values()]
  return {
    head: ['', ...columns.map(one => (columns.length === 1 ? 'index' : one.pipeline))],
    body: Object.entries(WORDS)
      .filter(([name]) => columns.some(one => one.statistics[name] !== undefined))
      .map(([name, word]) => [
        word,
        ...columns.map(({ statistics }) => statistics[name]?.toLocaleString('en') ?? '–')
      ])
  }
}

/** A block for each collection that is made, and for each pipeline that searches it. */
function commandsOf(own) {
  const blocks = []
  let indexed
  for (const definition of own) {
    const places = shownPlaces(definition)
    const index = shown(indexArgs(definition, places))
    if (index !== indexed)
      blocks.push(['The collection', ...preparation(definition, places), index])
    indexed = index
    blocks.push([
      `\`${definition.pipeline}\``,
      shown(runArgs(definition, places)),
      shown(evalArgs(definition, places))
    ])
  }
  return blocks
    .map(([what, ...lines]) => `${what}:\n\n${lines.map(line => `    ${line}\n`).join('')}`)
    .join('\n')
}

/** Where things lie in the commands on a page: what one would call them. */
function shownPlaces({ name, collection, corpus, topics, qrels }) {
  const folder = corpus.beir === undefined ? 'examples/reverse-dictionary' : `data/${corpus.beir}`
  return {
    corpus: corpus.beir === undefined ? 'nouns.jsonl' : folder,
    topics: `${folder}/${topics}`,
    qrels: `${folder}/${qrels}`,
    collection: `${corpus.beir ?? collection}.esplanade`,
    run: `${name}.trec`
  }
}

function preparation({ corpus }, places) {
  if (corpus.wordnet === undefined) return []
  return [`node repro/wordnet.mjs ${corpus.wordnet.every} > ${places.corpus}`]
}

function placeNote({ corpus }) {
  return corpus.beir === undefined ? '' : `, with the collection in \`data/${corpus.beir}\``
}

function digits(value) {
  return typeof value === 'number' ? value.toFixed(4) : '–'
}

function percent(share) {
  return `${Number((100 * share).toPrecision(3))} %`
}
