import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { DenseSettings } from './dense-settings.ts'
import type { StoredVectors } from './store.ts'

/**
 * The dense vectors of a document's passages as the store keeps them, in one array.
 *
 * Where only the first passage has one (an undivided text, or a vector of the whole document, which
 * counts as that of its first passage) the array is that vector. Else it holds a vector for each
 * passage, one behind the other, and NaN in all places of a passage without one.
 *
 * @param vectors - one a passage, all of the same dimensions
 * @returns undefined where no passage has one
 */
export function packDense(vectors: readonly (DenseVector | undefined)[]): Float32Array | undefined {
  const last = vectors.findLastIndex(vector => vector !== undefined)
  if (last < 1) return vectors[0]
  const dimensions = vectors[last]!.length
  const packed = new Float32Array(dimensions * vectors.length).fill(Number.NaN)
  for (const [i, vector] of vectors.entries()) if (vector) packed.set(vector, i * dimensions)
  return packed
}

/**
 * The vectors that {@link packDense} packed, as views: one a passage, undefined for a passage without.
 *
 * @param place - whose they are, for messages
 * @throws EsplanadeError `COLLECTION_CORRUPT` for an array of another length
 */
export function unpackDense(
  packed: Float32Array | undefined,
  numPassages: number,
  dimensions: number,
  place: () => string
): (DenseVector | undefined)[] {
  const vectors = new Array<DenseVector | undefined>(numPassages).fill(undefined)
  if (packed === undefined) return vectors
  if (packed.length === dimensions) {
    vectors[0] = packed
    return vectors
  }
  if (packed.length !== dimensions * numPassages) {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place: place(),
      problem: `its dense vector has ${packed.length} numbers`,
      expected: `${dimensions}, or as many for each of ${numPassages} passages`,
      remedy: 'Write the document again, or restore the collection from a backup'
    })
  }
  for (let i = 0; i < numPassages; i++) {
    const vector = packed.subarray(i * dimensions, (i + 1) * dimensions)
    if (!Number.isNaN(vector[0])) vectors[i] = vector
  }
  return vectors
}

/** What users see of the dense vectors of a document: one of it all, or one a passage. */
export function denseParts(
  { dense, passages }: StoredVectors,
  settings: DenseSettings | undefined
): { readonly dense?: DenseVector; readonly denseVectors?: readonly (DenseVector | undefined)[] } {
  if (dense === undefined) return {}
  if (settings === undefined || dense.length === settings.dimensions) return { dense }
  const { dimensions } = settings
  return { denseVectors: unpackDense(dense, passages.length, dimensions, () => 'document') }
}
