import type { RequestFields } from './memory-views.ts'
import { FLAGS } from './request.ts'

/**
 * The exact score of one document from its record of the forward index: products of the stored
 * weights summed in float64 by ascending term, for cosine divided by both lengths.
 *
 * A record is an insertion id (u32), then term indexes (u16 or u32), then as many weights
 * (float32 at a multiple of 4, or float16).
 */

/** Where the record of a document begins, in bytes. */
export function recordOf(request: RequestFields, docId: number): number {
  const { u32 } = request.memory
  return request.u32('documents') + 4 * u32[(request.u32('documentOffsets') >>> 2) + docId]!
}

/** The number of terms of a record of so many bytes. */
export function numTermsOf(recordBytes: number, flags: number): number {
  const idBytes = flags & FLAGS.wideTerms ? 4 : 2
  const weightBytes = flags & FLAGS.halfWeights ? 2 : 4
  // Padding takes less than a term does.
  return Math.floor((recordBytes - 4) / (idBytes + weightBytes))
}

/** Where weights begin after term indexes: float32 at a multiple of 4. */
export function weightsAfter(termsEnd: number, isHalf: boolean): number {
  return isHalf ? termsEnd : Math.ceil(termsEnd / 4) * 4
}

/** A half-precision number (IEEE 754 binary16) that is positive and finite. */
export function fromHalf(bits: number): number {
  const fraction = bits & 0x3ff
  const exponent = bits >>> 10
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
}

/** The exact score of the document whose record is given; 0 if it holds no term of the query. */
export function documentScore(request: RequestFields, record: number, recordEnd: number): number {
  const { u8, u16, u32, f32 } = request.memory
  const flags = request.u32('flags')
  const isWide = (flags & FLAGS.wideTerms) !== 0
  const isHalf = (flags & FLAGS.halfWeights) !== 0
  const n = numTermsOf(recordEnd - record, flags)
  const terms = record + 4
  const weights = weightsAfter(terms + n * (isWide ? 4 : 2), isHalf)
  const weightAt = (i: number): number =>
    isHalf ? fromHalf(u16[(weights >>> 1) + i]!) : f32[(weights >>> 2) + i]!
  const marks = request.u32('isQueryTerm')
  const queryWeights = request.u32('queryWeights') >>> 2
  const lexiconSize = request.u32('lexiconSize')
  let sum = 0
  for (let i = 0; i < n; i++) {
    const term = isWide ? u32[(terms >>> 2) + i]! : u16[(terms >>> 1) + i]!
    if (term >= lexiconSize || u8[marks + term] === 0) continue
    sum += f32[queryWeights + term]! * weightAt(i)
  }
  if (sum === 0 || !(flags & FLAGS.cosine)) return sum
  let squares = 0
  for (let i = 0; i < n; i++) squares += weightAt(i) * weightAt(i)
  return sum / (request.f64('queryLength') * Math.sqrt(squares))
}
