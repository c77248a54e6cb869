import { EsplanadeError } from '../errors.ts'
import { checkSparseVector, type SparseVector, sparseVector } from '../vector/sparse-vector.ts'

/** A vector of the caller's. @throws EsplanadeError `INVALID_VECTOR` */
export function checkVector(vector: SparseVector, place = 'query'): SparseVector {
  const { terms, weights } = vector ?? {}
  if (terms instanceof Uint32Array && weights instanceof Float32Array) {
    checkSparseVector(terms, weights, place)
    return vector
  }
  if (terms === undefined || weights === undefined) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: 'it is neither a text nor a vector',
      expected: 'a string, or { terms, weights }'
    })
  }
  return sparseVector(terms, weights, place)
}
