import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DenseEncoder } from 'esplanade/encoder'

const path = name => fileURLToPath(new URL(name, import.meta.url))
const cacheFolder = path('../../.cache/bench-judged')

/** The dense model that lies in the repository, of 8-bit weights. */
export const DENSE_MODEL = path('../../models/all-MiniLM-L6-v2/model_int8.onnx')

/**
 * The dense vectors of the documents of a collection, encoded once and kept beside the sparse ones in
 * `.cache/bench-judged`. Delete the folder when the model has changed.
 *
 * @param {string} name of the collection
 * @param {readonly string[]} texts
 * @returns {Promise<Float32Array[]>}
 */
export async function denseVectors(name, texts) {
  mkdirSync(cacheFolder, { recursive: true })
  const hash = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 8)
  const file = join(cacheFolder, `${name}-${hash}.f32`)
  if (!existsSync(file)) {
    const encoder = await DenseEncoder.load(DENSE_MODEL)
    const vectors = await encoder.encodeDocument([...texts], {
      onProgress: ({ done }) => {
        if (done % 2000 < 16) process.stderr.write(`${name}: ${done} of ${texts.length} texts encoded\n`)
      }
    })
    await encoder.close()
    const partial = `${file}.partial`
    writeFileSync(partial, Buffer.concat(vectors.map(one => new Uint8Array(one.buffer, one.byteOffset, one.byteLength))))
    renameSync(partial, file)
  }
  const bytes = readFileSync(file)
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const dimensions = all.length / texts.length
  return Array.from(texts, (_, i) => all.subarray(i * dimensions, (i + 1) * dimensions))
}
