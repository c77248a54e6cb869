import { type Collection, EsplanadeError, readTuning } from 'esplanade'
import type { ApproximateStrategy, Tuning } from 'esplanade/search'
import { counted } from './readable.ts'

/** The setting that a collection was tuned to. */
export interface TunedStrategy {
  readonly strategy: ApproximateStrategy
  /** What it is worth, for a person. */
  readonly note: string
}

/** A collection that has grown or shrunk by more than this part since it was tuned is another one. */
const MAX_CHANGE = 0.25

/**
 * The setting that tuning found for a collection, for `--approximate`.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where the collection has not been tuned;
 *   `COLLECTION_MISMATCH` where it has changed too much since; `COLLECTION_CORRUPT`,
 *   `COLLECTION_VERSION` where the tuning cannot be read
 */
export async function tunedStrategy(
  directory: string,
  collection: Collection,
  k: number
): Promise<TunedStrategy> {
  const tuning = await readTuning(directory)
  if (tuning === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--approximate',
      problem: 'no setting has been found for this collection that is faster than exact search',
      remedy: `Look for one: esplanade tune ${directory}`
    })
  }
  const { numDocuments, numPostings } = await collection.stats()
  refuseStale('documents', tuning.numDocuments, numDocuments, directory)
  refuseStale('postings', tuning.numPostings, numPostings, directory)
  return { strategy: tuning.strategy, note: `approximate: ${worthOf(tuning, k, numDocuments)}` }
}

function refuseStale(what: string, tuned: number, now: number, directory: string): void {
  if (Math.abs(now - tuned) <= MAX_CHANGE * tuned) return
  throw new EsplanadeError('COLLECTION_MISMATCH', {
    place: '--approximate',
    problem: `the collection was tuned with ${tuned} ${what}, and has ${now} now`,
    remedy: `Tune it again: esplanade tune ${directory}`
  })
}

function worthOf(
  { k: tunedK, measuredOverlap, numDocuments }: Tuning,
  k: number,
  numNow: number
): string {
  const changed = numNow === numDocuments ? '' : ` with ${counted(numDocuments, 'document')}`
  const worth = `overlap@${tunedK} ${measuredOverlap.toFixed(3)} as measured by tune${changed}`
  return k === tunedK ? worth : `${worth}; for ${counted(k, 'hit')} it may be another`
}
