import { evaluate } from 'esplanade/eval'
import { fuse } from 'esplanade/fusion'
import { quantile } from '../encode/spread.mjs'
import { ListMaker } from './lists.mjs'

/**
 * Quality and cost of settings on a judged collection: a row for each setting and set of judgements.
 *
 * @typedef {import('../judged/collections.mjs').Judged} Judged
 * @typedef {import('./settings.mjs').Setting} Setting
 */

/** Judged hits, and those that a fusion takes of each list. */
const DEPTH = 1000
/** Hits of a search that is timed. */
const K = 10

/**
 * MRR and recall count documents of grade 2 and more where grades go to 3, as TREC DL does; `metrics`
 * of a row has them under the plain names.
 */
const METRICS = [
  ['nDCG@10', 'nDCG@10'],
  ['RR@10', 'RR(rel=2)@10'],
  ['R@100', 'R(rel=2)@100']
]

/**
 * @param {Judged} judged
 * @param {readonly Setting[]} settings
 * @param {number} passes over all queries, the first of which does not count; 0: no times
 * @returns {Promise<any[]>}
 */
export async function measured(judged, settings, passes) {
  const maker = new ListMaker(judged)
  try {
    const ways = []
    for (const setting of settings) {
      process.stderr.write(`${judged.name}: ${setting.group}, ${setting.name}\n`)
      ways.push(await wayOf(maker, judged, setting))
    }
    const times = passes === 0 ? undefined : await timesInTurn(ways, judged.topics, passes)
    return ways.flatMap((way, i) =>
      judged.judgements.map(judgement => rowOf(judged, judgement, way, times?.[i]))
    )
  } finally {
    await maker.close()
  }
}

/** A setting on a collection: its lists, the queries for each, and what was found. */
async function wayOf(maker, { topics }, setting) {
  const lists = []
  for (const { list, weight } of setting.lists) {
    lists.push({ ...(await maker.list(list, setting)), weight })
  }
  const asked = await inTurn(lists, list => maker.queriesOf(list))
  const queries = topics.map((_, i) => asked.map(all => all[i]))
  const way = { setting, lists, queries, hits: [] }
  for (const query of way.queries) way.hits.push((await search(way, query, DEPTH)).slice(0, DEPTH))
  return way
}

function encode({ lists }, text) {
  return inTurn(lists, list => list.encode(text))
}

async function search({ setting, lists }, query, k) {
  if (lists.length === 1) return (await lists[0].search(query[0], { k })).hits
  const found = await inTurn(lists, (list, i) => list.search(query[i], { k: DEPTH }))
  const taking = lists.map(({ name, weight }, i) => ({
    name,
    list: found[i],
    missing: name === 'dense' ? 'score' : 'zero',
    weight
  }))
  return fuse(taking, { method: setting.fusion }, { k, depth: DEPTH })
}

/** One after the other: it is the time of one thread. */
async function inTurn(items, work) {
  const results = []
  for (const [i, item] of items.entries()) results.push(await work(item, i))
  return results
}

function rowOf({ keys, topics }, { name, qrels }, { setting, lists, queries, hits }, times) {
  const asked = [...topics.keys()].filter(i => qrels.has(topics[i][0]))
  const run = new Map(asked.map(i => [topics[i][0], hits[i]]))
  const costs = lists.map(({ costsOf }, at) => costsOf(asked.map(i => queries[i][at])))
  const sum = figure => costs.reduce((total, cost) => total + cost[figure], 0)
  const indexBytes = lists.reduce((total, list) => total + list.indexBytes, 0)
  const numPostings = lists.reduce((total, list) => total + list.numPostings, 0)
  const isModel =
    lists.length === 1 && lists[0].name === 'sparse' && setting.queryMode !== 'inference-free'
  return {
    collection: name,
    group: setting.group,
    setting: setting.name,
    numDocuments: keys.length,
    numQueries: asked.length,
    metrics: qualityOf(run, qrels),
    flops: sum('flops'),
    // Weights of another kind are of another size, so they have no place in this figure.
    scaledFlopsLoss: isModel ? 0.5 * sum('queryLoss') + 0.4 * sum('documentLoss') : null,
    queryTerms: sum('queryTerms'),
    documentTerms: sum('documentTerms'),
    indexBytes,
    bytesPerDocument: indexBytes / keys.length,
    bytesPerPosting: lists.some(one => one.numPostings === 0) ? null : indexBytes / numPostings,
    ...(times && { ...timesOf('encodeMs', times.encode, asked) }),
    ...(times && { ...timesOf('searchMs', times.search, asked) }),
    ...(times && { ...timesOf('queryMs', totalOf(times), asked) })
  }
}

function qualityOf(run, qrels) {
  const isGraded = [...qrels.values()].some(judged => Math.max(...judged.values()) > 1)
  const metrics = METRICS.map(([plain, graded]) => (isGraded ? graded : plain))
  const { means } = evaluate(run, qrels, metrics)
  return Object.fromEntries(METRICS.map(([plain], i) => [plain, means[metrics[i]]]))
}

/**
 * All settings with all queries, pass after pass, so that whatever else the machine does meets all of
 * them alike. The first pass is not kept. Of a query first the encoding is timed, then the search.
 */
async function timesInTurn(ways, topics, passes) {
  const times = ways.map(() => ({ encode: [], search: [] }))
  for (let pass = 0; pass < passes; pass++) {
    process.stderr.write(`times: pass ${pass + 1} of ${passes}\n`)
    for (const [at, way] of ways.entries()) {
      const encodeMs = []
      const searchMs = []
      for (const [i, [, text]] of topics.entries()) {
        const before = performance.now()
        await encode(way, text)
        const between = performance.now()
        await search(way, way.queries[i], K)
        encodeMs.push(between - before)
        searchMs.push(performance.now() - between)
      }
      if (pass === 0) continue
      times[at].encode.push(encodeMs)
      times[at].search.push(searchMs)
    }
  }
  return times
}

function totalOf({ encode, search }) {
  return encode.map((pass, at) => pass.map((ms, i) => ms + search[at][i]))
}

/** Of the queries at some places: p50 and p99 of all passes, and the least and the most p50 of one. */
function timesOf(name, passes, places) {
  const ofPasses = passes.map(pass => places.map(i => pass[i]))
  const medians = ofPasses.map(ms => quantile(ms, 0.5))
  const all = ofPasses.flat()
  return {
    [`${name}P50`]: quantile(all, 0.5),
    [`${name}P99`]: quantile(all, 0.99),
    [`${name}P50Least`]: Math.min(...medians),
    [`${name}P50Most`]: Math.max(...medians)
  }
}
