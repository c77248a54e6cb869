import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { EsplanadeError } from '../errors.ts'
import type { FusionTuning, WeightedFusion } from '../fusion/fusion-tuning.ts'
import type { Tuning } from '../search/tune.ts'
import { writeAtomically } from './atomic-file.ts'
import { type GenerationPaths, generationPaths, readCollectionFile } from './collection-files.ts'
import { fileError } from './file-error.ts'
import { parseTunings, TUNING_FORMAT, TUNING_VERSION, type Tunings } from './parse-tuning.ts'

const FILE = 'tuning.json'

/**
 * Keeps a tuning with a collection, in `tuning.json` of its generation: one that is encoded anew has
 * none. The file is replaced in one step; what else it keeps stays.
 *
 * @param tuning - undefined takes away what was kept before
 * @throws EsplanadeError `FILE_UNWRITABLE`, and as `open` where there is no collection
 */
export async function saveTuning(directory: string, tuning: Tuning | undefined): Promise<void> {
  await saveInstead(directory, ({ approximate: _approximate, ...others }) => ({
    ...others,
    ...(tuning && { approximate: tuning })
  }))
}

/**
 * The tuning that is kept with a collection; undefined where there is none. It says of which counts
 * it was made: the collection may have changed since.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT` when the file is damaged; `COLLECTION_VERSION`,
 *   `FILE_UNREADABLE`; as `open` where there is no collection
 */
export async function readTuning(directory: string): Promise<Tuning | undefined> {
  return (await readTunings(await pathsOf(directory))).approximate
}

/**
 * Keeps a learned fusion with a collection. Whoever opens the collection from then on searches with it
 * in the mode `'hybrid'`, unless a search names a fusion. It is kept beside the setting of
 * {@link saveTuning}, and goes as that does.
 *
 * @param tuning - undefined takes away what was kept before
 * @throws EsplanadeError `FILE_UNWRITABLE`, and as `open` where there is no collection
 */
export async function saveFusionTuning(
  directory: string,
  tuning: FusionTuning | undefined
): Promise<void> {
  await saveInstead(directory, ({ fusion: _fusion, ...others }) => ({
    ...others,
    ...(tuning && { fusion: tuning })
  }))
}

/**
 * The learned fusion that is kept with a collection; undefined where there is none.
 *
 * @throws EsplanadeError as {@link readTuning}
 */
export async function readFusionTuning(directory: string): Promise<FusionTuning | undefined> {
  return (await readTunings(await pathsOf(directory))).fusion
}

/** The learned fusion of a generation, read when it is asked for first, then kept. */
export function tunedFusionOf(paths: GenerationPaths): () => Promise<WeightedFusion | undefined> {
  let read: Promise<WeightedFusion | undefined> | undefined
  return () => {
    read ??= readTunings(paths).then(({ fusion }) => fusion?.fusion)
    return read
  }
}

/** What a generation was tuned to. @throws EsplanadeError as {@link readTuning} */
async function readTunings({ folder }: GenerationPaths): Promise<Tunings> {
  const path = join(folder, FILE)
  let json: string
  try {
    json = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw fileError(cause, path, 'read')
  }
  return parseTunings(json, path)
}

async function pathsOf(directory: string): Promise<GenerationPaths> {
  const path = resolve(directory)
  const { active } = await readCollectionFile(path)
  return generationPaths(path, active)
}

async function saveInstead(directory: string, change: (kept: Tunings) => Tunings): Promise<void> {
  const paths = await pathsOf(directory)
  const path = join(paths.folder, FILE)
  const { approximate, fusion } = change(await keptIn(paths))
  if (approximate === undefined && fusion === undefined) {
    await rm(path, { force: true }).catch(cause => {
      throw fileError(cause, path, 'write')
    })
    return
  }
  const file = { format: TUNING_FORMAT, version: TUNING_VERSION, ...approximate, fusion }
  await writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`)
}

/** What is kept; of a file that cannot be read nothing is, and tuning again replaces it. */
async function keptIn(paths: GenerationPaths): Promise<Tunings> {
  try {
    return await readTunings(paths)
  } catch (error) {
    const isFile = error instanceof EsplanadeError && error.code.startsWith('COLLECTION_')
    if (isFile) return {}
    throw error
  }
}
