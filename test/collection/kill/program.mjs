/**
 * The program that is killed: it writes to a collection, and says on its standard output, one line of
 * JSON each, what it is about to do and what was acknowledged. It never ends by itself.
 *
 * node program.mjs DIRECTORY SEED [KIND]
 *
 * KIND: what it does next after some operations, so that it is often killed at that.
 */
import { writeSync } from 'node:fs'
import { open } from 'esplanade'
import { randomNumbers } from './random.mjs'

const directory = process.argv[2]
const seed = Number(process.argv[3])
const soonKind = process.argv[4]
const random = randomNumbers(seed)
const upTo = count => Math.floor(random() * count)

/** When it returns, all of the line is in the pipe, and stays there when the process is killed. */
function say(line) {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      // The pipe is full: it is about to be read.
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

const options = {
  model: null,
  durability: seed % 3 === 0 ? 'group' : 'sync',
  // Small enough that segments are made and merged all the time.
  flushLimits: { maxEntries: 80, maxPostings: 1e6 }
}

let numOperations = 0
const numOfKind = {}

/** Does something and says so before and after. */
async function operation(description, run) {
  const id = ++numOperations
  numOfKind[description.kind] = (numOfKind[description.kind] ?? 0) + 1
  say({ begin: id, ...description })
  const result = await run()
  say({ end: id, result })
}

let version = seed * 10_000

/** Weights are eighths, so that sums are exact in whatever order. */
function randomVector() {
  const terms = new Set()
  for (let i = 1 + upTo(8); i > 0; i--) terms.add(upTo(60))
  const ascending = [...terms].sort((a, b) => a - b)
  return { terms: ascending, weights: ascending.map(() => (1 + upTo(16)) / 8) }
}

function randomDocument(namespace, key) {
  version++
  const text = `version ${version} `.repeat(1 + upTo(6))
  const document = {
    key,
    namespace,
    text,
    metadata: { version, group: `g${upTo(5)}`, tags: [`t${upTo(3)}`, 'all'], nested: { deep: [1] } }
  }
  if (random() < 0.2) document.dense = [upTo(9), 1, -0.5]
  if (random() < 0.8) return { ...document, vector: randomVector() }
  const middle = upTo(text.length)
  const passages = [
    { start: 0, end: middle, vector: randomVector() },
    { start: middle, end: text.length, vector: randomVector() }
  ]
  return { ...document, passages }
}

const namespaceOf = () => ['', 'a', 'b\u00e9'][upTo(3)]

function randomDocuments(count, prefix) {
  const namespace = namespaceOf()
  const keys = new Set()
  while (keys.size < count) keys.add(`${prefix}${upTo(60)}`)
  return [...keys].map(key => randomDocument(namespace, key))
}

const upsert = (collection, documents) =>
  operation({ kind: 'upsert', documents }, () => collection.upsert(documents))

/** What is done next, by how often: it gives the collection that is open afterwards. */
const kinds = [
  [40, collection => upsert(collection, randomDocuments(1 + upTo(30), 'k'))],
  [
    // They go into one commit, or into several.
    12,
    collection =>
      Promise.all(['p', 'q', 'r'].map(p => upsert(collection, randomDocuments(1 + upTo(9), p))))
  ],
  [
    // More than one batch.
    2,
    collection =>
      upsert(
        collection,
        Array.from({ length: 1100 }, (_, i) => randomDocument('bulk', `b${i}`))
      )
  ],
  [
    4,
    collection =>
      operation({ kind: 'deleteWhere', namespace: 'bulk', group: undefined }, () =>
        collection.delete({ filter: {} }, { namespace: 'bulk' })
      )
  ],
  [
    14,
    collection => {
      const namespace = namespaceOf()
      const keys = randomDocuments(1 + upTo(20), 'kpqr'[upTo(4)]).map(({ key }) => key)
      return operation({ kind: 'delete', namespace, keys }, () =>
        collection.delete(keys, { namespace })
      )
    }
  ],
  [
    6,
    collection => {
      const namespace = namespaceOf()
      const group = `g${upTo(5)}`
      return operation({ kind: 'deleteWhere', namespace, group }, () =>
        collection.delete({ filter: { group } }, { namespace })
      )
    }
  ],
  [8, collection => operation({ kind: 'flush' }, () => collection.flush())],
  [3, collection => operation({ kind: 'settle' }, () => collection.settle())],
  [5, collection => operation({ kind: 'compact' }, () => collection.compact())],
  [
    3,
    collection => {
      const to = `${directory}.backup-${seed}-${numOperations}`
      return operation({ kind: 'backup', to }, () => collection.backup(to))
    }
  ],
  [
    4,
    async collection => {
      let opened = collection
      await operation({ kind: 'reopen' }, async () => {
        await collection.close()
        opened = await open(directory, options)
      })
      return opened
    }
  ]
]

/** By their names. */
const rare = { flush: 6, settle: 7, compact: 8, backup: 9, reopen: 10, deleteWhere: 5 }
const soonAfter = 2 + upTo(6)

const total = kinds.reduce((sum, [weight]) => sum + weight, 0)

function randomKind() {
  const isDue = numOperations > soonAfter && numOfKind[soonKind] === undefined
  if (isDue && rare[soonKind] !== undefined) return kinds[rare[soonKind]][1]
  let left = random() * total
  for (const [weight, run] of kinds) {
    left -= weight
    if (left < 0) return run
  }
  return kinds[0][1]
}

say({ begin: 0, kind: 'open' })
try {
  let collection = await open(directory, options)
  say({ end: 0 })
  for (;;) {
    const next = await randomKind()(collection)
    if (typeof next?.upsert === 'function') collection = next
  }
} catch (error) {
  say({ failed: error.stack })
  process.exit(1)
}
