import { join } from 'node:path'
import { approximateSettings } from './approximate.mjs'
import { runJson, runScript } from './child.mjs'
import { npzFiles } from './collections.mjs'
import { readCsr } from './csr.mjs'

/**
 * Who is timed on a collection. Every run of a participant is a fresh process.
 *
 * @typedef {object} Participant
 * @property {string} name
 * @property {import('./collections.mjs').Collection} collection
 * @property {number} rounds in how many rounds it runs
 * @property {boolean} [isPeer]
 * @property {() => any[]} run the figures of a round, an object for each row
 */

const PASSES = 5

/**
 * One process for each exact strategy, one for all approximate settings, one for many threads.
 *
 * @param {import('./options.mjs').Options} options
 * @param {import('./collections.mjs').Collection} collection
 * @returns {Participant[]}
 */
export function ours(options, collection) {
  const { strategies, approximate, threads, k, rounds, precision, reorder } = options
  const { index, queries, truth, numDocuments } = collection
  const { path, buildS, buildPeakRssMiB } = index
  const common = {
    ...{ precision, reorder, buildS, buildPeakRssMiB },
    bytesPerPosting: index.numBytes / index.numPostings,
    bytesPerDocument: index.numBytes / numDocuments
  }
  const participant = (name, what) => ({
    name,
    collection,
    rounds,
    run: () =>
      runScript('round.mjs', { path, queries, truth, k, precision, passes: PASSES, ...what }).map(
        result => ({ peer: null, ...common, ...result })
      )
  })
  return [
    ...strategies.map(strategy => participant(strategy, { strategies: [strategy] })),
    ...(approximate ? [participant('approximate', { strategies: settingsFor(queries) })] : []),
    ...(threads === undefined ? [] : [participant(`${threads} threads`, { threads })])
  ]
}

function settingsFor(queries) {
  const { offsets, terms } = readCsr(queries)
  return approximateSettings(terms.length / (offsets.length - 1))
}

/**
 * zvec, once for each kind of its indexes that can hold sparse vectors.
 *
 * @param {import('./options.mjs').Options} options
 * @param {import('./collections.mjs').Collection} collection
 * @param {string} folder
 * @returns {Participant[]}
 * @throws {Error} where the package cannot be loaded
 */
export function zvec(options, collection, folder) {
  const { k, rounds, peerRounds } = options
  const { documents, queries, truth, numDocuments } = collection
  return ['FLAT', 'HNSW'].map(indexType => {
    const place = join(folder, `zvec-${indexType}-${numDocuments}`)
    const [build] = runScript('zvec.mjs', { step: 'build', folder: place, documents, indexType })
    const common = {
      ...{ peer: 'zvec', strategy: indexType.toLowerCase(), rankSafe: null },
      ...{ buildS: build.buildS, buildPeakRssMiB: build.peakRssMiB },
      bytesPerPosting: build.numBytes / build.numPostings,
      bytesPerDocument: build.numBytes / numDocuments
    }
    const spec = { step: 'round', folder: place, queries, truth, k, passes: PASSES }
    return {
      name: `zvec ${common.strategy}`,
      isPeer: true,
      collection,
      rounds: Math.min(rounds, peerRounds),
      run: () => runScript('zvec.mjs', spec).map(result => ({ ...common, ...result }))
    }
  })
}

/**
 * The engines of `search_peers.py`. Each builds its index in every process.
 *
 * @param {import('./options.mjs').Options} options
 * @param {import('./collections.mjs').Collection} collection
 * @param {string} folder
 * @returns {Participant[]}
 */
export function native(options, collection, folder) {
  const { peers, engines, peerPython, peerRounds, rounds, k } = options
  if (peers === undefined) return []
  const { documents, queries } = npzFiles(collection, folder)
  const script = join(peers, 'search_peers.py')
  return engines.map(engine => {
    const args = [script, documents, queries, engine, '--k', String(k)]
    // Its option counts the passes after the first.
    args.push('--passes', String(PASSES - 1))
    return {
      name: engine,
      isPeer: true,
      collection,
      rounds: Math.min(rounds, peerRounds),
      // One of them leaves its index where temporary files go.
      run: () => runJson(peerPython, args, { TMPDIR: folder }).map(rowOfPeer)
    }
  })
}

/** The engine's own name for a row begins with the engine, then says the setting. */
function rowOfPeer({ peer: title, overlap, meanMs, p50Ms, p90Ms, p99Ms, buildS }) {
  const [peer, ...setting] = title.split(' ')
  const latency = { meanMs, p50Ms, p90Ms, p99Ms, qps: 1000 / meanMs }
  const name = { peer, strategy: setting.join(' ') }
  // 0 is that of an engine that does not say.
  return { ...name, rankSafe: null, overlap, ...latency, buildS: buildS || null }
}
