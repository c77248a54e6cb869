import { spreadOf } from '../encode/spread.mjs'
import { fastestOf } from './approximate.mjs'

/** What differs from round to round: a row has the median, and the extremes in `spread`. */
const TIMED = ['meanMs', 'p50Ms', 'p90Ms', 'p99Ms', 'qps']
const MEASURED = ['openS', 'rssMiB', 'peakRssMiB']
const DIGITS = 5

/**
 * What one side did in one round.
 * @typedef {{ round: number, numDocuments: number, result: any }} Run
 */

/**
 * One row for each side, strategy and number of documents, made of its rounds.
 *
 * @param {readonly Run[]} runs
 * @param {Record<string, any>} conditions what holds for all of them
 * @param {number} overlap that an approximate setting must reach to be marked
 * @returns {any[]}
 */
export function rowsOf(runs, conditions, overlap) {
  const groups = grouped(runs)
  const rows = groups.map(group => rowOf(group, conditions, timesFaster(group, groups)))
  const fastest = fastestOf(rows, overlap)
  return rows.map(row => (row === fastest ? { ...row, fastestAtOverlap: overlap } : row))
}

/** @param {{ peer: string | null, strategy: string }} result */
export function titleOf({ peer, strategy }) {
  return peer === null ? strategy : `${peer} ${strategy}`
}

function grouped(runs) {
  const groups = new Map()
  for (const run of runs) {
    const name = `${run.numDocuments} ${titleOf(run.result)}`
    if (groups.has(name)) groups.get(name).push(run)
    else groups.set(name, [run])
  }
  return [...groups.values()]
}

function rowOf(group, { run, queries, k, ...conditions }, ratios) {
  const [{ numDocuments, result }] = group
  const { peer, strategy, rankSafe, overlap, buildS, bytesPerPosting, bytesPerDocument } = result
  const spreads = Object.fromEntries(
    [...TIMED, ...MEASURED].map(field => [field, spreadOfField(group, field)])
  )
  const median = field => spreads[field]?.median ?? null
  const { settings, work, ranAs, threads, precision, reorder, buildPeakRssMiB } = result
  return {
    docs: numDocuments,
    queries,
    k,
    strategy,
    rankSafe,
    overlap: rounded(overlap),
    ...Object.fromEntries(TIMED.map(field => [field, median(field)])),
    buildS: rounded(buildS ?? null),
    bytesPerPosting: rounded(bytesPerPosting ?? null),
    bytesPerDocument: rounded(bytesPerDocument ?? null),
    peer,
    ...Object.fromEntries(MEASURED.map(field => [field, median(field)])),
    buildPeakRssMiB: rounded(buildPeakRssMiB ?? null),
    rounds: group.length,
    spread: Object.fromEntries(TIMED.map(field => [field, spreads[field]])),
    ...(peer === null && {
      timesFaster: ratios,
      precision,
      reorder,
      ranAs,
      work: roundedAll(work)
    }),
    ...(settings !== undefined && { settings }),
    ...(threads !== undefined && { threads }),
    run,
    ...conditions
  }
}

function spreadOfField(group, field) {
  const figures = group.map(({ result }) => result[field]).filter(figure => figure !== undefined)
  return figures.length === 0 ? null : roundedAll(spreadOf(figures))
}

/**
 * How many times faster one of ours is than each peer on the same documents, by the median query.
 * A run of a peer is compared with our runs right before and after it.
 */
function timesFaster(group, groups) {
  const [{ numDocuments, result }] = group
  if (result.peer !== null || result.p50Ms === undefined) return {}
  const peers = groups.filter(
    ([theirs]) => theirs.result.peer !== null && theirs.numDocuments === numDocuments
  )
  return Object.fromEntries(
    peers.map(theirs => {
      const ratios = theirs.flatMap(peer =>
        group
          .filter(({ round }) => round === peer.round || round === peer.round + 1)
          .map(ours => peer.result.p50Ms / ours.result.p50Ms)
      )
      return [titleOf(theirs[0].result), roundedAll(spreadOf(ratios))]
    })
  )
}

function roundedAll(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]))
}

function rounded(figure) {
  return figure === null ? null : Number(figure.toPrecision(DIGITS))
}
