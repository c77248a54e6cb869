import { quantile } from '../encode/spread.mjs'
import { readCsr, rowOf } from './csr.mjs'

/**
 * All queries, one after the other, several times over. The first pass warms up and is not timed;
 * what it finds is kept.
 *
 * @template Query, Found
 * @param {readonly Query[]} queries
 * @param {(query: Query) => Found | Promise<Found>} search
 * @param {number} passes
 * @returns {Promise<{ found: Found[], latency: ReturnType<typeof latencyOf> }>}
 */
export async function timePasses(queries, search, passes) {
  const found = []
  for (const query of queries) found.push(await search(query))
  const times = new Float64Array(queries.length * (passes - 1))
  for (let i = 0; i < times.length; i++) {
    const query = queries[i % queries.length]
    const before = performance.now()
    await search(query)
    times[i] = performance.now() - before
  }
  return { found, latency: latencyOf(Array.from(times)) }
}

/** @param {number[]} ms one figure a query */
function latencyOf(ms) {
  const meanMs = ms.reduce((sum, time) => sum + time, 0) / ms.length
  return {
    meanMs,
    p50Ms: quantile(ms, 0.5),
    p90Ms: quantile(ms, 0.9),
    p99Ms: quantile(ms, 0.99),
    qps: 1000 / meanMs
  }
}

/**
 * The rows of a file of vectors.
 *
 * @param {string} path
 */
export function readRows(path) {
  const csr = readCsr(path)
  return Array.from({ length: csr.offsets.length - 1 }, (_, i) => rowOf(csr, i))
}

/** Memory of this process, in MiB. */
export function memoryOf() {
  return {
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
    peakRssMiB: process.resourceUsage().maxRSS / 1024
  }
}
