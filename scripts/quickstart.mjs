/**
 * `npm run quickstart`: from a fresh clone to answers. Installs, builds, indexes the nouns of
 * WordNet as a reverse dictionary (say what it is, find the word), measures it on 120 judged
 * descriptions, and shows what was found and why. A second run starts from the finished
 * collection.
 *
 * `npm run quickstart -- FOLDER` indexes your own .md, .txt and .html files instead (or a .jsonl,
 * .csv or .tsv file).
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const work = join(root, '.quickstart')
const cli = join(root, 'dist/cli/main.js')
const examples = join(root, 'examples/reverse-dictionary')

/** Three of the 120 descriptions, among those whose word is found. */
const EXAMPLE_QUERIES = [
  'mountain that spits out lava and ash',
  'gentle song to make a baby fall asleep',
  'joint in the middle of your arm where it bends'
]

/** The documents of the finished collection. */
const NUM_NOUNS = 82_192

const say = (text = '') => process.stdout.write(`${text}\n`)

/** Runs a program of Node's; its exit code. */
function statusOf(args) {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  return status ?? (signal === 'SIGINT' ? 130 : 1)
}

/** Runs a program of Node's and gives up with its exit code when it fails. */
function runNode(args) {
  const status = statusOf(args)
  if (status !== 0) process.exit(status)
}

/** The newest change below a folder, in milliseconds; 0 where it is absent. */
function newestChange(folder) {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce(
      (newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs),
      0
    )
}

function build() {
  const changed = Math.max(newestChange(join(root, 'src')), newestChange(join(root, 'kernels')))
  if (newestChange(join(root, 'dist')) > changed) return
  say('Building …')
  // The kernels first: the bundler takes in what they are compiled to.
  for (const tool of ['scripts/build-kernels.mjs', 'node_modules/tsdown/dist/run.mjs']) {
    const built = spawnSync(process.execPath, [join(root, tool)], { cwd: root, encoding: 'utf8' })
    // The tools' own remarks are for those who work on it, unless one fails.
    if (built.status === 0) continue
    process.stderr.write(`${built.stdout}${built.stderr}`)
    process.exit(built.status ?? 1)
  }
}

/** How a command is shown: as the user would type it here. */
const shown = args =>
  `npx esplanade ${args.map(arg => (/^[\w./-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(' ')}`

function esplanade(...args) {
  say(`\n$ ${shown(args)}`)
  runNode([cli, ...args])
}

async function indexNouns(directory) {
  const { readNouns } = await import('../examples/reverse-dictionary/wordnet.mjs')
  mkdirSync(work, { recursive: true })
  const corpus = join(work, 'nouns.jsonl')
  const lines = function* () {
    for (const noun of readNouns()) yield `${JSON.stringify(noun)}\n`
  }
  await pipeline(Readable.from(lines()), createWriteStream(corpus))
  say('\nThe 82,192 noun definitions of WordNet become a reverse dictionary:')
  // What an older version has left cannot be added to.
  const isThere = (await numDocumentsIn(directory)) > 0
  const overwrite = existsSync(join(root, directory)) && !isThere ? ['--overwrite'] : []
  esplanade('index', relative(root, corpus), '--to', directory, ...overwrite)
  rmSync(corpus)
}

/** What the table calls each mode. */
const MODES = {
  bm25: 'BM25, the words',
  sparse: 'SPLADE, the model',
  combined: 'both in one vector'
}

/**
 * Searches the 120 descriptions by the words, by the model and by both, and says how often the word
 * came first, or among ten.
 */
async function measure(directory) {
  const { open } = await import('esplanade')
  const { evaluate, readQrels, readTopics } = await import('esplanade/eval')
  const linesOf = file => createInterface({ input: createReadStream(join(examples, file)) })
  const topics = await readTopics(linesOf('topics.tsv'), { place: 'topics.tsv' })
  const qrels = await readQrels(linesOf('qrels.txt'), { place: 'qrels.txt' })
  const collection = await open(join(root, directory), { readOnly: true })
  await collection.search('a first query warms the model up')
  say(`\n${topics.size} descriptions, each of one word (examples/reverse-dictionary/topics.tsv):`)
  say('                       Success@10   RR@10   to encode   to search exactly')
  for (const [mode, name] of Object.entries(MODES)) {
    const run = new Map()
    const times = { encode: [], search: [] }
    for (const [queryId, text] of topics) {
      const { hits, stages } = await collection.search(text, { k: 10, mode })
      run.set(queryId, hits)
      for (const { stage, ms } of stages) times[stage]?.push(ms)
    }
    const { means } = evaluate(run, qrels, ['RR@10', 'Success@10'])
    const [encode, search] = [times.encode, times.search].map(median)
    say(
      `  ${name.padEnd(20)} ${means['Success@10'].toFixed(3)}        ${means['RR@10'].toFixed(3)}   ${encode}      ${search}`
    )
  }
  await collection.close()
  say(
    '  Success@10: the part of the words that are among the first ten; RR@10: the mean of 1 / rank;'
  )
  say('  times are medians of one query.')
}

/** The median of times in milliseconds, as shown. */
function median(times) {
  return `${times.sort((a, b) => a - b)[times.length >> 1].toFixed(1)} ms`
}

/** The documents of the collection that is there; 0 where there is none of this version. */
async function numDocumentsIn(directory) {
  const { open } = await import('esplanade')
  try {
    const collection = await open(join(root, directory), { readOnly: true })
    const { numDocuments } = await collection.stats()
    await collection.close()
    return numDocuments
  } catch {
    return 0
  }
}

async function reverseDictionary() {
  const directory = '.quickstart/nouns'
  // A run that was stopped goes on where it was.
  if ((await numDocumentsIn(directory)) === NUM_NOUNS) {
    say(`The collection is there already (${directory}).`)
  } else await indexNouns(directory)
  await measure(directory)
  say(
    '\nThree of them that are found, and what each score is made of. Where the text matches it stands'
  )
  say('out; + marks a term that does not stand in the text: the model added it.')
  for (const query of EXAMPLE_QUERIES) {
    esplanade('search', directory, query, '--k', '2', '--explain', '--top', '6')
  }
  say('What to try next:')
  say(`  ${shown(['search', directory, 'your own description'])}`)
  say(`  ${shown(['expand', 'the bag of words that a text becomes'])}`)
  say(
    `  ${shown(['similarity', 'a doctor treats patients', 'a physician heals the sick', 'rain on the hills'])}`
  )
  say('  npm run quickstart -- FOLDER      your own .md, .txt and .html files')
}

/** A question that the documents can answer, to begin with: what the first of them is about. */
async function sampleQuery(directory) {
  const { open } = await import('esplanade')
  const collection = await open(join(root, directory), { readOnly: true })
  const { keys } = await collection.list({ limit: 1 })
  const { text = '', metadata = {} } = keys.length === 0 ? {} : await collection.get(keys[0])
  await collection.close()
  const { title } = metadata
  return typeof title === 'string' ? title : text.trim().split(/\s+/).slice(0, 8).join(' ')
}

async function ownDocuments(input) {
  const path = resolve(process.env.INIT_CWD ?? root, input)
  const name = createHash('sha256').update(path).digest('hex').slice(0, 8)
  const directory = `.quickstart/own-${name}`
  mkdirSync(work, { recursive: true })
  const args = ['index', path, '--to', directory, '--prune']
  say(`\n$ ${shown(args)}`)
  // Documents that had to be skipped were named; the others can be searched all the same.
  const status = statusOf([cli, ...args])
  if (status !== 0 && (await numDocumentsIn(directory)) === 0) process.exit(status)
  const query = await sampleQuery(directory)
  if (query !== '') esplanade('search', directory, query, '--k', '3', '--explain', '--top', '6')
  say('What to try next:')
  say(`  ${shown(['search', directory, 'a question to your documents', '--explain'])}`)
  say(`  ${shown(['inspect', directory])}`)
}

runNode([join(root, 'scripts/install.mjs')])
build()
const [input] = process.argv.slice(2)
if (input === undefined) await reverseDictionary()
else await ownDocuments(input)
