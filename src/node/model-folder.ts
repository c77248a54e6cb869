import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { ModelFiles } from '../encoder/model-files.ts'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'
import { packageRoot } from './package-root.ts'

/** Models inside the package, loaded by name and never from the network. */
export const SHIPPED_MODELS: readonly string[] = ['splade-tiny']

/** A model's files, and how to find them again: its name if it is shipped, else its folder. */
export interface ModelFolder extends ModelFiles {
  readonly source: string
}

/**
 * The files of a model by name or folder. The name of a shipped model is that model; `./name` is a
 * folder of the same name.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`
 */
export function modelFolder(nameOrFolder: string): ModelFolder {
  const shipped = SHIPPED_MODELS.includes(nameOrFolder)
  const folder = shipped ? join(packageRoot(), 'models', nameOrFolder) : resolve(nameOrFolder)
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new EsplanadeError('MODEL_NOT_FOUND', {
      problem: `there is no model or folder "${nameOrFolder}"`,
      expected: `${SHIPPED_MODELS.join(', ')}, or the folder of a checkpoint`,
      remedy: shipped ? 'Install the package again: its model is missing' : 'Check the path'
    })
  }
  return {
    source: shipped ? nameOrFolder : folder,
    name: shipped ? nameOrFolder : basename(folder),
    placeOf: file => join(folder, file),
    read: async file => {
      const path = join(folder, file)
      try {
        return await readFile(path)
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw fileError(cause, path, 'read')
      }
    }
  }
}
