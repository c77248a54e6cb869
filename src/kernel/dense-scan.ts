/**
 * Scans rows of dense vectors: the reference of `kernels/dense-scan.ts`, which gives the same numbers to
 * the last bit. Addresses are bytes in the memory.
 */

/** A memory through the element types that a scan needs; all views begin at byte 0. */
export interface ScanViews {
  readonly i8: Int8Array
  readonly i16: Int16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
}

/** The rows to look at, and where the answers go. */
export interface Scan {
  /** Address of row 0. */
  readonly rows: number
  /** Bytes from a row to the next, a multiple of 16; what is past the dimensions is zero. */
  readonly stride: number
  /** Address of the row numbers, u32. */
  readonly ids: number
  readonly count: number
  /** Address of the query, which has a number for every one of a row, padding included. */
  readonly query: number
  /** Address of the answers, one a row number. */
  readonly out: number
}

/**
 * Dot products of int8 rows with an int16 query, i32. They are exact if the query keeps all sums within
 * 31 bits.
 */
export function dotInt8(views: ScanViews, { rows, stride, ids, count, query, out }: Scan): void {
  const { i8, i16, i32, u32 } = views
  for (let at = 0; at < count; at++) {
    const row = rows + u32[(ids >>> 2) + at]! * stride
    let sum = 0
    for (let i = 0; i < stride; i++) sum += i8[row + i]! * i16[(query >>> 1) + i]!
    i32[(out >>> 2) + at] = sum
  }
}

/** Dot products of float32 rows with a float64 query, f64, summed as `denseDotProduct` does. */
export function dotFloat32(views: ScanViews, scan: Scan): void {
  sumRows(views, scan, (value, query) => value * query)
}

/** Squared distances of float32 rows from a float64 query, f64, summed in the same way. */
export function squaredDistances(views: ScanViews, scan: Scan): void {
  sumRows(views, scan, (value, query) => (value - query) * (value - query))
}

function sumRows(
  { u32, f32, f64 }: ScanViews,
  { rows, stride, ids, count, query, out }: Scan,
  part: (value: number, query: number) => number
): void {
  const to = query >>> 3
  for (let at = 0; at < count; at++) {
    const row = (rows + u32[(ids >>> 2) + at]! * stride) / 4
    const sums = [0, 0, 0, 0]
    for (let i = 0; i < stride / 4; i++) sums[i & 3]! += part(f32[row + i]!, f64[to + i]!)
    f64[(out >>> 3) + at] = sums[0]! + sums[2]! + (sums[1]! + sums[3]!)
  }
}
