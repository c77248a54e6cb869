import { EsplanadeError } from '../errors.ts'
import { sparseVector } from '../vector/sparse-vector.ts'
import type { RawVector } from './document.ts'
import { describe } from './fields.ts'
import { isJsonObject, type Metadata } from './metadata.ts'

/** A vector found in a record, and the names of the fields it was made of. */
export interface FoundVector {
  readonly vector: RawVector
  readonly fields: readonly string[]
}

/**
 * Reads the vector that a JSON record carries, in one of the two forms in use:
 * `"vector": {"token": weight}`, as Anserini writes it, and `"indices": […], "values": […]`, term
 * ids ascending with one weight each.
 *
 * @param place - `file:line`, for the error
 * @returns undefined when the record carries none
 * @throws EsplanadeError `INVALID_VECTOR`: NaN, infinite, zero or negative weights, unsorted or
 *   duplicate ids, unequal lengths, or fields of another type
 */
export function findVector(record: Metadata, place: string): FoundVector | undefined {
  const { indices, values, vector } = record
  if (Array.isArray(indices) && Array.isArray(values)) {
    // Weights that are not numbers would be coerced by the typed array: "1" is no weight.
    const wrong = values.find(value => typeof value !== 'number')
    if (wrong !== undefined) refuse(place, `"values" holds ${describe(wrong)}`, 'numbers')
    return {
      vector: { kind: 'terms', vector: sparseVector(indices, values, place) },
      fields: ['indices', 'values']
    }
  }
  if (Array.isArray(indices) && values === undefined) {
    refuse(place, '"indices" without "values"', 'both, of the same length')
  }
  if (vector === undefined || vector === null) return undefined
  if (!isJsonObject(vector)) {
    refuse(place, `"vector" is ${describe(vector)}`, 'an object {"token": weight}')
  }
  return { vector: { kind: 'tokens', entries: tokenWeights(vector, place) }, fields: ['vector'] }
}

function tokenWeights(vector: Metadata, place: string): [string, number][] {
  return Object.entries(vector).map(([token, weight]) => {
    if (typeof weight !== 'number' || !(weight > 0) || Math.fround(weight) === 0) {
      refuse(place, `the weight of "${token}" is ${describe(weight)}`, 'a finite number above zero')
    }
    if (!Number.isFinite(Math.fround(weight))) {
      refuse(place, `the weight of "${token}" is ${weight}`, 'a finite float32')
    }
    return [token, weight]
  })
}

function refuse(place: string, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_VECTOR', {
    place,
    problem,
    expected,
    remedy: 'Leave out terms without a positive weight; a dense vector is not read here'
  })
}
