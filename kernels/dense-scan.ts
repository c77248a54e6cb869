/**
 * Scans rows of dense vectors; `src/kernel/dense-scan.ts` is the same in TypeScript and says what each
 * function gives. A module of its own: whoever searches sparse vectors alone does not load it.
 */

export { xxh32 } from './xxh32'

@inline
function rowOf(rows: usize, stride: usize, ids: usize, at: usize): usize {
  return rows + <usize>load<u32>(ids + (at << 2)) * stride
}

/** Eight codes times eight numbers of the query, added in pairs. */
@inline
function products(codes: usize, query: v128): v128 {
  return i32x4.dot_i16x8_s(v128.load_ext<i8>(codes), query)
}

@inline
function sumOf(sums: v128): i32 {
  const halves = i32x4.add(sums, v128.shuffle<i32>(sums, sums, 2, 3, 0, 1))
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1)
}

/** Four rows at a time, so that the query is loaded once for them. */
export function dotInt8(rows: usize, stride: usize, ids: usize, count: usize, query: usize, out: usize): void {
  let at: usize = 0
  for (; at + 4 <= count; at += 4) {
    const a = rowOf(rows, stride, ids, at)
    const b = rowOf(rows, stride, ids, at + 1)
    const c = rowOf(rows, stride, ids, at + 2)
    const d = rowOf(rows, stride, ids, at + 3)
    let sumA = i32x4.splat(0)
    let sumB = i32x4.splat(0)
    let sumC = i32x4.splat(0)
    let sumD = i32x4.splat(0)
    for (let i: usize = 0; i < stride; i += 16) {
      const low = v128.load(query + (i << 1))
      const high = v128.load(query + (i << 1), 16)
      sumA = i32x4.add(sumA, i32x4.add(products(a + i, low), products(a + i + 8, high)))
      sumB = i32x4.add(sumB, i32x4.add(products(b + i, low), products(b + i + 8, high)))
      sumC = i32x4.add(sumC, i32x4.add(products(c + i, low), products(c + i + 8, high)))
      sumD = i32x4.add(sumD, i32x4.add(products(d + i, low), products(d + i + 8, high)))
    }
    const to = out + (at << 2)
    store<i32>(to, sumOf(sumA))
    store<i32>(to, sumOf(sumB), 4)
    store<i32>(to, sumOf(sumC), 8)
    store<i32>(to, sumOf(sumD), 12)
  }
  for (; at < count; at++) {
    const row = rowOf(rows, stride, ids, at)
    let sums = i32x4.splat(0)
    for (let i: usize = 0; i < stride; i += 16) {
      const low = products(row + i, v128.load(query + (i << 1)))
      sums = i32x4.add(sums, i32x4.add(low, products(row + i + 8, v128.load(query + (i << 1), 16))))
    }
    store<i32>(out + (at << 2), sumOf(sums))
  }
}

/** Bytes of a cache line, and rows that are brought into the cache together. */
const LINE: usize = 64
const TOGETHER: usize = 8

/** Takes what is read only to bring it into the cache, so that no compiler leaves it out. */
let touched: u32 = 0

/** Reads a byte of each cache line of some rows, so that their misses overlap. */
function touch(rows: usize, stride: usize, ids: usize, at: usize, end: usize): void {
  let sum: u32 = 0
  for (; at < end; at++) {
    const row = rowOf(rows, stride, ids, at)
    for (let i: usize = 0; i < stride; i += LINE) sum += load<u8>(row + i)
  }
  touched += sum
}

@inline
function total(even: v128, odd: v128): f64 {
  const sums = f64x2.add(even, odd)
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

export function dotFloat32(rows: usize, stride: usize, ids: usize, count: usize, query: usize, out: usize): void {
  for (let at: usize = 0; at < count; at++) {
    if (at % TOGETHER == 0) touch(rows, stride, ids, at, min(at + TOGETHER, count))
    const row = rowOf(rows, stride, ids, at)
    let even = f64x2.splat(0)
    let odd = f64x2.splat(0)
    for (let i: usize = 0; i < stride; i += 16) {
      const low = f64x2.promote_low_f32x4(v128.load_zero<u64>(row + i))
      const high = f64x2.promote_low_f32x4(v128.load_zero<u64>(row + i, 8))
      even = f64x2.add(even, f64x2.mul(low, v128.load(query + (i << 1))))
      odd = f64x2.add(odd, f64x2.mul(high, v128.load(query + (i << 1), 16)))
    }
    store<f64>(out + (at << 3), total(even, odd))
  }
}

export function squaredDistances(rows: usize, stride: usize, ids: usize, count: usize, query: usize, out: usize): void {
  for (let at: usize = 0; at < count; at++) {
    if (at % TOGETHER == 0) touch(rows, stride, ids, at, min(at + TOGETHER, count))
    const row = rowOf(rows, stride, ids, at)
    let even = f64x2.splat(0)
    let odd = f64x2.splat(0)
    for (let i: usize = 0; i < stride; i += 16) {
      const low = f64x2.promote_low_f32x4(v128.load_zero<u64>(row + i))
      const high = f64x2.promote_low_f32x4(v128.load_zero<u64>(row + i, 8))
      const first = f64x2.sub(low, v128.load(query + (i << 1)))
      const second = f64x2.sub(high, v128.load(query + (i << 1), 16))
      even = f64x2.add(even, f64x2.mul(first, first))
      odd = f64x2.add(odd, f64x2.mul(second, second))
    }
    store<f64>(out + (at << 3), total(even, odd))
  }
}
