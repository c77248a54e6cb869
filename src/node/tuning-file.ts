import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '../collection/manifest.ts'
import { EsplanadeError } from '../errors.ts'
import { approximateParameters } from '../search/approximate.ts'
import type { ApproximateStrategy } from '../search/strategy.ts'
import type { Tuning } from '../search/tune.ts'
import { fileError } from './file-error.ts'

const FILE = 'tuning.json'
const FORMAT = 'esplanade-tuning'
const VERSION = 1

/** What {@link saveTuning} puts into the directory of an index. */
export const TUNING_FILES: readonly string[] = [FILE, `${FILE}.partial`]

/**
 * Keeps a tuning in the directory of its index, as `tuning.json`; `openIndex` reads it. The file is
 * replaced in one step.
 *
 * @param tuning - undefined takes away what was kept before
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function saveTuning(directory: string, tuning: Tuning | undefined): Promise<void> {
  const path = join(directory, FILE)
  const partial = `${path}.partial`
  try {
    if (tuning === undefined) return await rm(path, { force: true })
    const json = JSON.stringify({ format: FORMAT, version: VERSION, ...tuning }, null, 2)
    await writeFile(partial, `${json}\n`, { flush: true })
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw fileError(cause, path, 'write')
  }
}

/**
 * The tuning of an index; undefined where there is none.
 *
 * @throws EsplanadeError `INDEX_CORRUPT` when the file is damaged, or belongs to an index of other
 *   counts; `INDEX_VERSION`, `FILE_UNREADABLE`
 */
export async function readTuning(
  directory: string,
  manifest: Manifest
): Promise<Tuning | undefined> {
  const path = join(directory, FILE)
  let json: string
  try {
    json = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(cause, path, 'read')
  }
  const tuning = parseTuning(json, path)
  for (const count of ['numDocuments', 'numPostings'] as const) {
    if (tuning[count] === manifest[count]) continue
    throw corrupt(
      path,
      `it was made for ${count} ${tuning[count]}, the index has ${manifest[count]}`
    )
  }
  return tuning
}

function parseTuning(json: string, path: string): Tuning {
  let parsed: Record<string, unknown>
  try {
    parsed = JSON.parse(json) ?? {}
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause)
  }
  if (parsed.format !== FORMAT) throw corrupt(path, 'it is no tuning of an Esplanade index')
  if (parsed.version !== VERSION) {
    throw new EsplanadeError('INDEX_VERSION', {
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

const REMEDY = 'Tune the index again: esplanade tune DIR'

function corrupt(path: string, problem: string, cause?: unknown): EsplanadeError {
  return new EsplanadeError('INDEX_CORRUPT', { place: path, problem, remedy: REMEDY, cause })
}
