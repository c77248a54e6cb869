/**
 * One round: `round.mjs OPTIONS` encodes the first texts of a file as a stream, then single queries,
 * and prints its figures as one line of JSON.
 *
 * @typedef {object} RoundOptions
 * @property {string} path a file of texts
 * @property {number} numTexts
 * @property {string} model
 * @property {import('esplanade/encoder').LoadOptions} load
 */
import { readCorpus } from 'esplanade/corpus'
import { SparseEncoder } from 'esplanade/encoder'
import { quantile } from './spread.mjs'

/** @type {RoundOptions} */
const { path, numTexts, model, load } = JSON.parse(process.argv[2])
const QUERIES = ['what is photosynthesis', 'programmed cell death', 'how do vaccines work']
const QUERY_ROUNDS = 100
const NUM_WARM_UP = 64

/** @param {number} limit */
async function* texts(limit) {
  let numRead = 0
  for await (const record of readCorpus([path])) {
    if (record.kind === 'problem') throw record.error
    if (numRead++ === limit) return
    yield record.document.text
  }
}

const encoder = await SparseEncoder.load(model, load)
await encodeAll(Math.min(NUM_WARM_UP, numTexts))
const started = performance.now()
const encoded = await encodeAll(numTexts)
const seconds = (performance.now() - started) / 1000
const queryMs = await timeQueries()
await encoder.close()

const round = {
  numTexts: encoded.done,
  numTokens: encoded.numTokens,
  termsPerText: encoded.numTerms / encoded.done,
  textsPerS: encoded.done / seconds,
  tokensPerS: encoded.numTokens / seconds,
  peakRssMiB: process.resourceUsage().maxRSS / 1024,
  queryMsP50: quantile(queryMs, 0.5),
  queryMsP90: quantile(queryMs, 0.9)
}
process.stdout.write(`${JSON.stringify(round)}\n`)

/** @param {number} limit */
async function encodeAll(limit) {
  let done = 0
  let numTokens = 0
  let sum = 0
  const onProgress = progress => {
    numTokens = progress.numTokens
  }
  for await (const vector of encoder.encodeDocument(texts(limit), { onProgress })) {
    done++
    sum += vector.weights.length
  }
  if (!(sum > 0)) throw new Error('the texts became nothing')
  return { done, numTokens, numTerms: sum }
}

/** Text to vector, once warm. */
async function timeQueries() {
  const times = []
  for (let i = 0; i < QUERY_ROUNDS; i++) {
    for (const query of QUERIES) {
      const before = performance.now()
      const vector = await encoder.encodeQuery(query)
      times.push(performance.now() - before)
      if (vector.terms.length === 0) throw new Error(`"${query}" became nothing`)
    }
  }
  // The first calls compile the path of single texts.
  return times.slice(QUERIES.length * 10)
}
