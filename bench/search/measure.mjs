import { availableParallelism, cpus, totalmem } from 'node:os'
import { prepareCollection, sourceOf } from './collections.mjs'
import { readCsr } from './csr.mjs'
import { commandOf } from './options.mjs'
import { native, ours, zvec } from './participants.mjs'
import { rowsOf } from './rows.mjs'

/**
 * The whole of a run: prepares, then lets everybody run in turn, round by round, so that those who
 * are compared share the machine's mood.
 *
 * @param {import('./options.mjs').Options} options
 * @param {string} folder for what this run alone needs
 * @param {(line: string) => void} say
 * @returns {Promise<{ rows: any[], failures: string[] }>} `failures` are of peers that were asked for
 */
export async function measure(options, folder, say) {
  const failures = []
  const participants = await gather(options, folder, say)
  const runs = []
  for (let round = 1; round <= options.rounds; round++) {
    for (const participant of participants) {
      if (round > participant.rounds || failures.includes(participant.name)) continue
      const { name, collection } = participant
      const results = attempt(participant, say)
      if (results === undefined) failures.push(name)
      for (const result of results ?? []) {
        runs.push({ round, numDocuments: collection.numDocuments, result })
        say(`round ${round}, ${collection.numDocuments} documents: ${lineOf(result)}`)
      }
    }
  }
  return { rows: rowsOf(runs, conditionsOf(options, participants), options.overlap), failures }
}

/** Nobody can be compared on other vectors, so where zvec gets fewer, ours is timed on those too. */
async function gather(options, folder, say) {
  const { numDocuments, numZvecDocuments } = options
  const all = await prepareCollection(options, folder, numDocuments, say)
  const participants = [...ours(options, all), ...native(options, all, folder)]
  if (numZvecDocuments === 0) return participants
  const isFewer = numZvecDocuments < numDocuments
  const some = isFewer ? await prepareCollection(options, folder, numZvecDocuments, say) : all
  try {
    say(`building the indexes of zvec, ${some.numDocuments} documents`)
    const theirs = zvec(options, some, folder)
    const exact = { ...options, approximate: false, threads: undefined }
    return [...participants, ...(isFewer ? ours(exact, some) : []), ...theirs]
  } catch (error) {
    say(`zvec is left out: ${error.message}`)
    return participants
  }
}

/** Ours must not fail; a peer that does is left out, for the others have run for minutes. */
function attempt({ name, run, isPeer }, say) {
  try {
    return run()
  } catch (error) {
    if (!isPeer) throw error
    say(`${name} is left out: ${error.message}`)
    return undefined
  }
}

/** What holds for every row of a run. */
function conditionsOf(options, [{ collection }]) {
  const { numDocuments, queries, k, precision, reorder } = options
  const number = numDocuments.toLocaleString('en-US')
  const order = reorder ? '' : ', not reordered'
  const source = sourceOf(options)
  return {
    run: `${number} documents of ${source}, ${queries} queries, k ${k}, ${precision}${order}`,
    source,
    numPostings: collection.index.numPostings,
    numQueries: readCsr(collection.queries).offsets.length - 1,
    queries,
    k,
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    command: commandOf(options)
  }
}

function lineOf({ peer, strategy, p50Ms, qps, overlap }) {
  const name = peer === null ? strategy : `${peer} ${strategy}`
  const speed = p50Ms === undefined ? `${qps.toFixed(0)} queries/s` : `p50 ${p50Ms.toFixed(3)} ms`
  return `${name}: ${speed}, overlap ${overlap.toFixed(4)}`
}
