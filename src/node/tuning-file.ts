import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { EsplanadeError } from '../errors.ts'
import { approximateParameters } from '../search/approximate.ts'
import type { ApproximateStrategy } from '../search/strategy.ts'
import type { Tuning } from '../search/tune.ts'
import { writeAtomically } from './atomic-file.ts'
import { generationPaths, readCollectionFile } from './collection-files.ts'
import { fileError } from './file-error.ts'

const FILE = 'tuning.json'
const FORMAT = 'esplanade-tuning'
const VERSION = 1

/**
 * Keeps a tuning with a collection, as `tuning.json` of its generation: one that is encoded anew has
 * none. The file is replaced in one step.
 *
 * @param tuning - undefined takes away what was kept before
 * @throws EsplanadeError `FILE_UNWRITABLE`, and as `open` where there is no collection
 */
export async function saveTuning(directory: string, tuning: Tuning | undefined): Promise<void> {
  const path = await tuningPath(directory)
  if (tuning !== undefined) {
    const json = JSON.stringify({ format: FORMAT, version: VERSION, ...tuning }, null, 2)
    await writeAtomically(path, `${json}\n`)
    return
  }
  await rm(path, { force: true }).catch(cause => {
    throw fileError(cause, path, 'write')
  })
}

/**
 * The tuning that is kept with a collection; undefined where there is none. It says of which counts
 * it was made: the collection may have changed since.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT` when the file is damaged; `COLLECTION_VERSION`,
 *   `FILE_UNREADABLE`; as `open` where there is no collection
 */
export async function readTuning(directory: string): Promise<Tuning | undefined> {
  const path = await tuningPath(directory)
  let json: string
  try {
    json = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(cause, path, 'read')
  }
  return parseTuning(json, path)
}

async function tuningPath(directory: string): Promise<string> {
  const path = resolve(directory)
  const { active } = await readCollectionFile(path)
  return join(generationPaths(path, active).folder, FILE)
}

function parseTuning(json: string, path: string): Tuning {
  let parsed: Record<string, unknown>
  try {
    parsed = JSON.parse(json) ?? {}
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause)
  }
  if (parsed.format !== FORMAT) throw corrupt(path, 'it is no tuning of an Esplanade collection')
  if (parsed.version !== VERSION) {
    throw new EsplanadeError('COLLECTION_VERSION', {
      place: path,
      problem: `the tuning has format version ${JSON.stringify(parsed.version)}`,
      expected: `version ${VERSION}`,
      remedy: REMEDY
    })
  }
  const field = (name: keyof Tuning, isRight: (value: number) => boolean): number => {
    const value = parsed[name]
    if (typeof value === 'number' && isRight(value)) return value
    throw corrupt(path, `${name} is ${JSON.stringify(value)}`)
  }
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
  return {
    overlap: field('overlap', value => value > 0 && value <= 1),
    k: field('k', value => isCount(value) && value > 0),
    strategy: strategyOf(parsed.strategy, path),
    numDocuments: field('numDocuments', isCount),
    numPostings: field('numPostings', isCount),
    measuredOverlap: field('measuredOverlap', value => value >= 0 && value <= 1),
    sampleSize: field('sampleSize', value => isCount(value) && value > 0)
  }
}

/** The strategy, with the parameters that one has and no others. */
function strategyOf(found: unknown, path: string): ApproximateStrategy {
  const strategy = (found ?? {}) as ApproximateStrategy
  const { name, alpha, gamma, queryTerms } = strategy
  const parameters = [alpha, gamma, queryTerms]
  const areNumbers = parameters.every(one => one === undefined || typeof one === 'number')
  if (name !== 'approximate' || !areNumbers) {
    throw corrupt(path, `the strategy is ${JSON.stringify(found)}`)
  }
  try {
    approximateParameters(strategy)
  } catch (cause) {
    throw corrupt(path, `the strategy is ${JSON.stringify(found)}`, cause)
  }
  return {
    name,
    ...(alpha !== undefined && { alpha }),
    ...(gamma !== undefined && { gamma }),
    ...(queryTerms !== undefined && { queryTerms })
  }
}

const REMEDY = 'Tune the collection again: esplanade tune DIR'

function corrupt(path: string, problem: string, cause?: unknown): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', { place: path, problem, remedy: REMEDY, cause })
}
