/**
 * One of our rounds: `round.mjs SPEC`, where SPEC is JSON, opens an index in this fresh process and
 * prints the figures of each strategy as one line of JSON.
 */
import { openIndexFile } from 'esplanade/search'
import { checkAgreement, isApproximate, overlapOf } from './agreement.mjs'
import { nameOf } from './approximate.mjs'
import { done } from './done.mjs'
import { memoryOf, readRows, timePasses } from './timing.mjs'

const spec = JSON.parse(process.argv[2])
const { path, k, passes, strategies, threads } = spec
const queries = readRows(spec.queries)
const truth = readRows(spec.truth).map(({ terms }) => terms)
const started = performance.now()
const index = await openIndexFile(path)
const openS = (performance.now() - started) / 1000

if (threads === undefined) for (const strategy of strategies) print(await oneByOne(strategy))
else print(await together())
done()

async function oneByOne(strategy) {
  await checkAgreement(index, queries, strategy, k)
  const search = query => index.search(query, { k, strategy })
  const { found, latency } = await timePasses(queries, search, passes)
  return {
    ...judged(found, nameOf(strategy)),
    ...(isApproximate(strategy) && { settings: strategy }),
    ...latency
  }
}

/** All queries in one call: how many a second, not how long each. */
async function together() {
  const search = () => index.searchMany(queries, { k, threads })
  const { found, latency } = await timePasses([queries], search, passes)
  const qps = (1000 * queries.length) / latency.p50Ms
  return { ...judged(found[0], `searchMany on ${threads} threads`), threads, qps }
}

function judged(found, strategy) {
  const rankSafe = found.every(result => result.rankSafe)
  const documents = found.map(({ hits }) => hits.map(({ key }) => Number(key)))
  const overlap = overlapOf(documents, truth)
  // With float16 the stored weights are others than those of the truth.
  if (rankSafe && spec.precision === 'float32') {
    const wrong = documents.findIndex((hits, i) => String(hits) !== String(truth[i]))
    if (wrong >= 0) {
      const lists = `documents ${documents[wrong]}, not ${truth[wrong]}`
      throw new Error(`${strategy} finds for query ${wrong} ${lists}`)
    }
  }
  const ranAs = [...new Set(found.map(({ stats }) => stats.strategy))]
  return { strategy, rankSafe, overlap, ranAs, work: workOf(found) }
}

/** What a query cost, on average: postings accumulated, blocks bounded, documents scored. */
function workOf(found) {
  const mean = count =>
    found.reduce((sum, { stats }) => sum + (stats[count] ?? 0), 0) / found.length
  const counts = ['numQueryTerms', 'numPostings', 'numBlocks', 'numScored']
  return Object.fromEntries(counts.map(count => [count, mean(count)]))
}

function print(result) {
  process.stdout.write(`${JSON.stringify({ ...result, openS, ...memoryOf() })}\n`)
}
