import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { generationNumber } from '../collection/settings.ts'
import { EsplanadeError } from '../errors.ts'
import { generationPaths, readCollectionFile, readSettings } from './collection-files.ts'
import { fileError } from './file-error.ts'

/** The generation that a collection consists of. */
export interface FoundGeneration {
  /** `g1` */
  readonly generation: string
  /** What is wrong with `collection.json`, which therefore did not say so. */
  readonly problem: EsplanadeError | undefined
}

/**
 * The generation that `collection.json` names, or where that file is lost, the one that it named: the
 * highest whose settings and store are there. For a generation that is being built has another name
 * (`g2.partial`) until it is complete, and only then is the file replaced.
 *
 * @param path - the directory of the collection
 * @throws EsplanadeError `COLLECTION_NOT_FOUND` where there is no generation; `COLLECTION_VERSION`
 */
export async function findGeneration(path: string): Promise<FoundGeneration> {
  let problem: EsplanadeError
  try {
    const { active } = await readCollectionFile(path)
    if (existsSync(join(path, active))) return { generation: active, problem: undefined }
    problem = new EsplanadeError('COLLECTION_CORRUPT', {
      place: path,
      problem: `the generation ${active} is missing`
    })
  } catch (error) {
    if (!(error instanceof EsplanadeError) || error.code === 'COLLECTION_VERSION') throw error
    problem = error
  }
  for (const generation of await generationsOf(path)) {
    const paths = generationPaths(path, generation)
    const settings = await readSettings(paths).catch(() => undefined)
    if (settings && existsSync(join(paths.store, 'data.mdb'))) return { generation, problem }
  }
  // There is nothing here that could be one.
  if (problem.code === 'COLLECTION_NOT_FOUND') throw problem
  throw new EsplanadeError('COLLECTION_CORRUPT', {
    place: path,
    problem: `${problem.problem}, and no other is whole`,
    remedy: 'Restore the collection from a backup',
    cause: problem
  })
}

/** The folders of generations in a directory, the highest first. */
export async function generationsOf(path: string): Promise<string[]> {
  const names = await readdir(path).catch(cause => {
    const error = fileError(cause, path, 'read')
    if (error.code !== 'FILE_NOT_FOUND') throw error
    return []
  })
  return names
    .filter(name => generationNumber(name) !== undefined)
    .sort((a, b) => generationNumber(b)! - generationNumber(a)!)
}
