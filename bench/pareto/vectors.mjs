import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DenseEncoder, SparseEncoder } from 'esplanade/encoder'
import { CsrBuilder, cachedFile, readCsr } from '../search/csr.mjs'

/**
 * Vectors of the documents of a judged collection by other means than its own float32 ones, made once
 * and kept beside those in `.cache/bench-judged`. Delete the folder when a model has changed.
 *
 * @typedef {import('../judged/collections.mjs').Judged} Judged
 */

const path = name => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const cacheFolder = path('.cache/bench-judged')

/** It lies in the repository, not in the package. A ready graph is named by its file. */
export const DENSE_MODEL = path('models/all-MiniLM-L6-v2/model_int8.onnx')

/**
 * Whether the vectors that a setting needs are there already, or need not be made.
 *
 * @param {Judged} judged
 * @param {import('./settings.mjs').Setting} setting
 */
export function isReady(judged, { lists, encoding }) {
  const isDense = lists.some(({ list }) => list === 'dense')
  if (isDense && !existsSync(densePath(judged))) return false
  return encoding === undefined || existsSync(cachePath(judged, encoding, 'csr'))
}

/**
 * The shipped model's vectors in another precision.
 *
 * @param {Judged} judged
 * @param {'mixed' | 'int8'} precision
 */
export async function sparseDocuments(judged, precision) {
  const file = cachePath(judged, precision, 'csr')
  await cachedFile(file, async () => {
    const encoder = await SparseEncoder.load('splade-tiny', { precision })
    const built = new CsrBuilder()
    for await (const { terms, weights } of encoder.encodeDocument(texts(judged, precision))) {
      built.add(terms, weights)
    }
    await encoder.close()
    return built.finish()
  })
  return readCsr(file)
}

/**
 * Dense vectors, one after the other in one array; undefined for documents without text, which have
 * none.
 *
 * @param {Judged} judged
 * @returns {Promise<(Float32Array | undefined)[]>}
 */
export async function denseDocuments(judged) {
  const file = densePath(judged)
  if (!existsSync(file)) await encodeDense(judged, file)
  const bytes = readFileSync(file)
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const dimensions = numbers.length / judged.texts.length
  return judged.texts.map((text, i) =>
    text.trim() === '' ? undefined : numbers.slice(i * dimensions, (i + 1) * dimensions)
  )
}

async function encodeDense(judged, file) {
  const encoder = await DenseEncoder.load(DENSE_MODEL)
  const numbers = new Float32Array(judged.texts.length * encoder.dimensions)
  let at = 0
  for await (const vector of encoder.encodeDocument(texts(judged, 'dense'))) {
    numbers.set(vector, at)
    at += vector.length
  }
  await encoder.close()
  mkdirSync(cacheFolder, { recursive: true })
  writeFileSync(`${file}.partial`, new Uint8Array(numbers.buffer))
  renameSync(`${file}.partial`, file)
}

async function* texts({ name, texts }, what) {
  for (const [i, text] of texts.entries()) {
    if (i % 2000 === 0) process.stderr.write(`${name}: ${i} of ${texts.length}, ${what}\n`)
    yield text
  }
}

function densePath(judged) {
  return cachePath(judged, 'MiniLM', 'f32')
}

function cachePath({ name, texts }, what, ending) {
  const hash = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 8)
  return join(cacheFolder, `${name}-${hash}-${what}.${ending}`)
}
