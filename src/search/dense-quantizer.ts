import { type DenseVector, denseNorm } from '../vector/dense-vector.ts'

/**
 * Dense vectors as integers: rows as 8-bit codes, which are scanned, and a query as 16-bit ones. A row
 * stands for `scale · codes`, and the length of what is left over is kept with it: how far a dot product
 * of the codes may be from that of the row follows from it (see `flat-scan.ts`).
 */

/** The largest code of a row. */
const MAX_CODE = 127

/** What a row's codes leave out. */
export interface RowQuality {
  readonly scale: number
  /** At least the length of `row − scale · codes`. */
  readonly error: number
}

/** Writes the codes of a row whose length is `norm`. */
export function quantizeRow(row: DenseVector, norm: number, codes: Int8Array): RowQuality {
  let largest = 0
  for (const value of row) largest = Math.max(largest, Math.abs(value))
  if (largest === 0) return { scale: 0, error: 0 }
  const scale = largest / MAX_CODE
  let squares = 0
  for (let i = 0; i < row.length; i++) {
    const code = Math.round(row[i]! / scale)
    codes[i] = code
    const rest = row[i]! - code * scale
    squares += rest * rest
  }
  // The second term is more than all that rounding to float64 can have taken from the first.
  return { scale, error: Math.sqrt(squares) * (1 + 2 ** -40) + norm * 2 ** -48 }
}

/** A query as integers. */
export interface IntegerQuery {
  /** The query stands for `step · codes`. */
  readonly step: number
  /** At least the length of `query − step · codes`, as a share of the query's length. */
  readonly error: number
  /** The query's length. */
  readonly norm: number
}

/**
 * Writes the codes of a query: the largest that keep the sum with any row within 31 bits, up to 16 bits.
 *
 * @param codes - zeros, at least as many as the query has numbers
 */
export function quantizeQuery(query: DenseVector, codes: Int16Array): IntegerQuery {
  const norm = denseNorm(query)
  let largest = 0
  let sum = 0
  for (const value of query) {
    largest = Math.max(largest, Math.abs(value))
    sum += Math.abs(value)
  }
  if (largest === 0) return { step: 0, error: 0, norm: 0 }
  // Rounding adds at most a half for each number. A damaged file may hold the code -128.
  const room = (2 ** 31 - 1) / 128 - query.length / 2
  const step = largest / Math.min(32_767, Math.floor(room / (sum / largest)))
  let squares = 0
  for (let i = 0; i < query.length; i++) {
    const code = Math.round(query[i]! / step)
    codes[i] = code
    const rest = query[i]! - code * step
    squares += rest * rest
  }
  return { step, error: (Math.sqrt(squares) / norm) * (1 + 2 ** -40) + 2 ** -48, norm }
}
