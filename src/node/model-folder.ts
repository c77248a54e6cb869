import { statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { modelFilesFromUrl } from '../encoder/fetched-model.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { HubOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { HubModel } from './hub/hub-model.ts'
import { isHubName } from './hub/hub-names.ts'
import { onnxFile } from './onnx-file.ts'
import { packageRoot } from './package-root.ts'
import { isFile, nativeCrc32, readIfThere } from './whole-file.ts'

/** Models inside the package, loaded by name and never from the network. */
export const SHIPPED_MODELS: readonly string[] = ['splade-tiny']

/** A model's files, and how to find them again. */
export interface FoundModel extends ModelFiles {
  /** The name of a shipped model or of one on the hub, else the folder. */
  readonly source: string
  /** The commit of a model from the hub; undefined for others. */
  readonly revision: string | undefined
}

/**
 * The files of a model by name or folder. The name of a shipped model is that model. A folder that
 * is there comes before a model on the hub of the same name; `./name` is a folder in any case. The
 * path of an `.onnx` file is the model whose graph it is. `https://...` is a folder of a web server.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`, `ABORTED`,
 *   `INVALID_ARGUMENT`
 */
export async function findModel(nameOrFolder: string, options?: HubOptions): Promise<FoundModel> {
  if (/^https?:\/\//.test(nameOrFolder)) return modelOnServer(nameOrFolder, options)
  const shipped = SHIPPED_MODELS.includes(nameOrFolder)
  const folder = shipped ? shippedFolder(nameOrFolder) : resolve(nameOrFolder)
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined && isHubName(nameOrFolder)) return hubModel(nameOrFolder, options)
  if (found?.isFile() && folder.endsWith('.onnx')) {
    return { ...onnxFile(folder), source: folder, revision: undefined }
  }
  if (found?.isDirectory()) {
    return shipped ? filesOf(folder, nameOrFolder, nameOrFolder) : filesOf(folder, basename(folder))
  }
  throw new EsplanadeError('MODEL_NOT_FOUND', {
    problem: found
      ? `"${nameOrFolder}" is a file, not the folder of a model`
      : `there is no model or folder "${nameOrFolder}"`,
    expected: `${SHIPPED_MODELS.join(', ')}, the folder of a checkpoint, or org/name of a model on the Hugging Face hub`,
    remedy: shipped
      ? 'Install the package again: its model is missing'
      : 'Check the path. A model on the hub is named with its owner, as in naver/splade-v3'
  })
}

/** A model on the hub, whatever lies in the working directory. */
export async function hubModel(name: string, options?: HubOptions): Promise<FoundModel> {
  const model = await HubModel.open(name, options)
  return {
    name,
    source: name,
    revision: model.commit,
    placeOf: file => model.placeOf(file),
    read: file => model.read(file),
    has: async file => model.tree?.has(file) ?? false,
    crc32: nativeCrc32
  }
}

function modelOnServer(url: string, { onDownload, signal }: HubOptions = {}): FoundModel {
  const files = modelFilesFromUrl(url, {
    ...(onDownload && { onDownload }),
    ...(signal && { signal })
  })
  return { ...files, crc32: nativeCrc32, source: url, revision: undefined }
}

/** Where a shipped model lies. */
export function shippedFolder(name: string): string {
  return join(packageRoot(), 'models', name)
}

function filesOf(folder: string, name: string, source: string = folder): FoundModel {
  return {
    name,
    source,
    revision: undefined,
    placeOf: file => join(folder, file),
    read: file => readIfThere(join(folder, file)),
    has: file => isFile(join(folder, file)),
    crc32: nativeCrc32
  }
}
