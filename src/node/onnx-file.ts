import { basename, dirname, join } from 'node:path'
import type { ModelFiles } from '../encoder/model-files.ts'
import { nativeCrc32, readIfThere } from './whole-file.ts'

/**
 * The files of a model whose graph the caller names, as in `model/onnx/model_quantized.onnx`. Its
 * tokenizer and config lie beside it or one folder up.
 *
 * @param path - of the `.onnx` file, absolute
 */
export function onnxFile(path: string): ModelFiles {
  const folder = dirname(path)
  const graphFile = basename(path)
  return {
    name: basename(basename(folder) === 'onnx' ? dirname(folder) : folder),
    graphFile,
    placeOf: file => join(folder, file),
    crc32: nativeCrc32,
    read: async file => {
      // Only what belongs to the graph is sought beside it alone.
      const isOfGraph = file.startsWith(graphFile)
      for (const place of isOfGraph ? [folder] : [folder, dirname(folder)]) {
        const bytes = await readIfThere(join(place, file))
        if (bytes !== undefined) return bytes
      }
      return undefined
    }
  }
}
