import { EsplanadeError } from '../errors.ts'
import { fromHalf } from '../kernel/document-score.ts'
import { quoteKey } from './keys.ts'
import type { AddedDocuments } from './segment-builder.ts'

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The largest finite half-precision number. */
export const MAX_HALF = 65_504

/**
 * The nearest half-precision number (IEEE 754 binary16, ties to even) of a positive number up to
 * {@link MAX_HALF}, as its 16 bits; 0 below 2^-25.
 */
export function toHalf(value: number): number {
  float[0] = value
  const exponent = (bits[0]! >>> 23) - 112
  // Subnormal: a multiple of 2^-24. The product is exact, so the sum rounds once, to even.
  if (exponent <= 0) return roundToEven(float[0]! * 2 ** 24)
  const half = (exponent << 10) | ((bits[0]! >>> 13) & 0x3ff)
  const rest = bits[0]! & 0x1fff
  const roundUp = rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1)
  return half + (roundUp ? 1 : 0)
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

/**
 * Rounds all weights to half precision, in place.
 *
 * @throws EsplanadeError `INVALID_VECTOR` on a weight that would become 0 or infinite; nothing is
 *   changed then
 */
export function roundToHalves({ chunks, chunkOf, starts, lengths, keys }: AddedDocuments): void {
  for (const [document, key] of keys.entries()) {
    const { weights } = chunks[chunkOf[document]!]!
    for (let i = starts[document]!; i < starts[document]! + lengths[document]!; i++) {
      if (weights[i]! <= MAX_HALF && toHalf(weights[i]!) > 0) continue
      throw new EsplanadeError('INVALID_VECTOR', {
        place: `document ${quoteKey(key)}`,
        problem: `weight ${weights[i]} does not fit in float16`,
        expected: `weights from 3e-8 to ${MAX_HALF}`,
        remedy: "Use precision 'float32'"
      })
    }
  }
  for (const { weights } of chunks) {
    for (let i = 0; i < weights.length; i++) weights[i] = fromHalf(toHalf(weights[i]!))
  }
}
