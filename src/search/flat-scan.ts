import { TopK } from '../kernel/top-k.ts'
import type { DenseMetric, DenseVector } from '../vector/dense-vector.ts'
import { denseNorm } from '../vector/dense-vector.ts'
import { Collector, type Selection } from './collector.ts'
import { codeBytes, rowBytes } from './dense-format.ts'
import { quantizeQuery } from './dense-quantizer.ts'
import type { DenseRows } from './dense-rows.ts'
import { type DocumentBits, listBits } from './document-bits.ts'

/**
 * Looks at every vector of an index, and is exact: its hits are those of `exhaustiveDense`.
 *
 * With `float32` all scores are worked out in float64. With `int8` the codes are scanned first, a
 * quarter of the bytes, and vectors that can still matter are scored from their float32 numbers. Which
 * those are is a matter of proof, not of experience:
 *
 * Let a row be x = s·c + e and the query q = t·p + f, with c and p integers and e and f what rounding
 * left over. Then x·q = s·t·(c·p) + e·q + s·c·f, and by Cauchy and Schwarz
 *
 *     |x·q − s·t·(c·p)| ≤ ‖e‖‖q‖ + ‖s·c‖‖f‖ ≤ ‖q‖ (‖e‖ + φ (‖x‖ + ‖e‖)),   φ = ‖f‖ / ‖q‖
 *
 * c·p is exact, ‖e‖ is kept for every row, φ is known for the query (the query has 16 bits, so it is
 * small). So the codes give every vector a lower and an upper bound of its score. A vector whose upper
 * bound is below the k-th largest lower bound is worse than k others and no hit. In the same way the
 * smallest and the largest score of all are found: only vectors whose bounds allow for it are scored.
 *
 * All is done in one measure, the larger the better: the dot product; for cosine that over both
 * lengths; for euclidean x·q − ‖x‖²/2, as ‖x − q‖² = ‖q‖² − 2 (x·q − ‖x‖²/2). What float64 rounds, here
 * and in the scores themselves, is at most about dimensions · 2^-53 of the numbers summed; bounds are
 * moved apart by 2^-50 for each dimension.
 */

/** What a scan found. */
export interface DenseRanking {
  /** The best vectors by row: score descending, then row ascending. */
  readonly ids: readonly number[]
  /** `scores[i]` belongs to `ids[i]`. */
  readonly scores: readonly number[]
  /** Smallest and largest score of all vectors that pass the filter; 0 if there is none. */
  readonly min: number
  readonly max: number
  /** Vectors that were looked at, and those of them whose float32 numbers were. */
  readonly numScanned: number
  readonly numScored: number
}

/** Finds the best vectors for a query, which has the dimensions of the index. */
export class FlatScan {
  readonly #index: DenseRows
  readonly #bounds: RowBounds | undefined
  /** Of each row about its measure, for the query before. Kept, as fresh memory costs more than a pass. */
  readonly #values: Float64Array
  /** What the values are of; undefined before the first scan. */
  #scanned: { readonly query: DenseVector; readonly filter: DocumentBits | undefined } | undefined

  constructor(index: DenseRows) {
    this.#index = index
    const isScreened = index.header.precision === 'int8'
    this.#bounds = isScreened ? rowBounds(index) : undefined
    this.#values = new Float64Array(isScreened ? index.header.numVectors : 0)
  }

  search(query: DenseVector, { k, filter, ...selection }: Selection): DenseRanking {
    const { scratch, header } = this.#index
    const count = filter === undefined ? header.numVectors : filter.size
    const wanted = { k: Math.max(1, Math.min(k, count)), filter: undefined, ...selection }
    if (filter !== undefined) this.#writeIds(listBits(filter))
    const ids = filter === undefined ? scratch.allIds : scratch.ids
    if (this.#bounds === undefined) return this.#rank(query, ids, count, count, wanted)
    const bounds = this.#scanBounds(this.#bounds, query, ids, count)
    if (!this.#isScanned(query, filter)) {
      this.#scan(ids, count)
      estimate(bounds)
      this.#scanned = { query: query.slice(), filter }
    }
    const candidates = candidatesOf(bounds, inMeasure(wanted, bounds))
    this.#writeIds(candidates)
    return this.#rank(query, scratch.ids, candidates.length, count, wanted)
  }

  /** Exact scores of rows, in the order asked for. */
  scores(query: DenseVector, rows: Uint32Array): Float64Array {
    const scores = new Float64Array(rows.length)
    const { scratch, header } = this.#index
    // The same row may be asked for more often than there is room for all of them.
    for (let first = 0; first < rows.length; first += header.numVectors) {
      const part = rows.subarray(first, first + header.numVectors)
      this.#writeIds(part)
      scores.set(this.#score(query, scratch.ids, part.length), first)
    }
    return scores
  }

  #writeIds(ids: Uint32Array): void {
    this.#index.views.u32.set(ids, this.#index.scratch.ids / 4)
  }

  #rank(
    query: DenseVector,
    ids: number,
    count: number,
    numScanned: number,
    selection: Selection
  ): DenseRanking {
    const scores = this.#score(query, ids, count)
    const rows = this.#index.views.u32.subarray(ids / 4, ids / 4 + count)
    const collector = new Collector(selection)
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    for (let i = 0; i < count; i++) {
      const score = scores[i]!
      if (score < min) min = score
      if (score > max) max = score
      collector.collect(rows[i]!, score)
    }
    const found = collector.finish()
    const range = count === 0 ? { min: 0, max: 0 } : { min, max }
    return { ids: found.ids, scores: found.scores, ...range, numScanned, numScored: count }
  }

  /** A view of the scores of the rows listed at `ids`; the next scan writes over it. */
  #score(query: DenseVector, ids: number, count: number): Float64Array {
    const { header, views, scratch, memory, rows, norms } = this.#index
    const { dimensions, metric } = header
    views.f64.set(query, scratch.query / 8)
    const scan = {
      rows,
      stride: rowBytes(dimensions),
      ids,
      count,
      query: scratch.query,
      out: scratch.out
    }
    if (metric === 'euclidean') memory.kernel.squaredDistances(scan)
    else memory.kernel.dotFloat32(scan)
    const scores = views.f64.subarray(scratch.out / 8, scratch.out / 8 + count)
    if (metric === 'dot') return scores
    const list = views.u32.subarray(ids / 4, ids / 4 + count)
    const length = metric === 'cosine' ? denseNorm(query) : 0
    for (let i = 0; i < count; i++) {
      scores[i] =
        metric === 'cosine' ? scores[i]! / (norms[list[i]!]! * length) : 0 - Math.sqrt(scores[i]!)
    }
    return scores
  }

  /** Whether the values are those of a scan: a page that follows, or a deeper one, needs no other. */
  #isScanned(query: DenseVector, filter: DocumentBits | undefined): boolean {
    if (this.#scanned === undefined || this.#scanned.filter !== filter) return false
    const { query: before } = this.#scanned
    return query.every((value, i) => value === before[i])
  }

  /** What the bounds of the rows listed at `ids` are made of; writes the query's integers. */
  #scanBounds(rows: RowBounds, query: DenseVector, ids: number, count: number): ScanBounds {
    const { header, views, scratch } = this.#index
    const { dimensions, metric } = header
    const at = scratch.integerQuery / 2
    const { step, norm, error } = quantizeQuery(query, views.i16.subarray(at, at + dimensions))
    const slack = dimensions * 2 ** -50 + 2 ** -46
    const { out } = scratch
    return {
      ...rows,
      metric,
      values: this.#values,
      rows: views.u32.subarray(ids / 4, ids / 4 + count),
      dots: views.i32.subarray(out / 4, out / 4 + count),
      factor: metric === 'cosine' && norm > 0 ? step / norm : step,
      spread: metric === 'cosine' ? 1 : norm,
      share: error + slack,
      slack,
      norm
    }
  }

  /** Dot products of the codes of rows listed at `ids` and of the query's integers. */
  #scan(ids: number, count: number): void {
    const { header, scratch, memory, codes } = this.#index
    const stride = codeBytes(header.dimensions)
    const { integerQuery, out } = scratch
    memory.kernel.dotInt8({ rows: codes, stride, ids, count, query: integerQuery, out })
  }
}

/** What bounds need of each row, whatever the query. */
interface RowBounds {
  /** The measure of a row is about `dots · factor · scales + offsets`. */
  readonly scales: Float64Array
  readonly offsets: Float64Array
  /** It is off by at most `spread · (errors + share · (lengths + errors))`, but for rounding. */
  readonly errors: Float64Array
  readonly lengths: Float64Array
  /** The largest of them. */
  readonly maxError: number
  readonly maxLength: number
}

function rowBounds({ header, scales, errors, norms }: DenseRows): RowBounds {
  const { metric } = header
  const isCosine = metric === 'cosine'
  const own = {
    scales: isCosine ? scales.map((scale, id) => scale / norms[id]!) : scales,
    errors: isCosine ? errors.map((error, id) => error / norms[id]!) : errors,
    lengths: isCosine ? new Float64Array(norms.length).fill(1) : norms,
    offsets: metric === 'euclidean' ? norms.map(norm => (-norm * norm) / 2) : new Float64Array()
  }
  const largest = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b), 0)
  return { ...own, maxError: largest(own.errors), maxLength: largest(own.lengths) }
}

/** All that the bounds of one scan are made of. */
interface ScanBounds extends RowBounds {
  readonly metric: DenseMetric
  /** About the measure of each row; `values[i]` belongs to `rows[i]`. */
  readonly values: Float64Array
  readonly rows: Uint32Array
  /** `dots[i]` belongs to `rows[i]`. */
  readonly dots: Int32Array
  readonly factor: number
  readonly spread: number
  readonly share: number
  /** What float64 rounds, as a share; of a squared distance it is one of (‖x‖ + ‖q‖)². */
  readonly slack: number
  /** Length of the query. */
  readonly norm: number
}

/** Which rows are wanted, in the measure of the bounds. */
interface Wanted {
  readonly k: number
  /** Rows that are certainly below this are not wanted. */
  readonly floor: number
  /** Rows that are certainly above this are not wanted. */
  readonly ceiling: number
  /** Rows that are certainly below this are behind the page before. */
  readonly after: number
}

/** Limits of scores in the measure of the bounds, moved so that rounding excludes no row. */
function inMeasure(
  { k, minScore, after }: Selection,
  { metric, norm, slack }: Pick<ScanBounds, 'metric' | 'norm' | 'slack'>
): Wanted {
  const last = after?.score ?? Number.POSITIVE_INFINITY
  if (metric !== 'euclidean') return { k, floor: minScore, ceiling: last, after: last }
  const measureOf = (score: number, direction: number): number => {
    if (score > 0) return Number.POSITIVE_INFINITY
    if (!Number.isFinite(score)) return score
    const squares = norm * norm + score * score
    return (norm * norm - score * score) / 2 + direction * squares * slack
  }
  return {
    k,
    floor: measureOf(minScore, -1),
    ceiling: measureOf(last, 1),
    after: measureOf(last, -1)
  }
}

/** Works out the values. */
function estimate({ values, rows, dots, scales, offsets, factor, metric }: ScanBounds): void {
  const isShifted = metric === 'euclidean'
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const value = dots[i]! * (factor * scales[row]!)
    values[i] = isShifted ? value + offsets[row]! : value
  }
}

/**
 * The rows that may matter: of which any may be wanted, or have the smallest or the largest score. Most
 * rows are told to be far off by bounds as wide as those of the worst row, which takes no more than a
 * comparison; what is left gets bounds of its own.
 */
function candidatesOf(bounds: ScanBounds, wanted: Wanted): Uint32Array {
  const { values, rows } = bounds
  const count = rows.length
  const widest = widestError(bounds)
  const behind = wanted.after - widest
  const best = new TopK(wanted.k)
  // What is certainly below the least that is wanted keeps nobody out, and need not be looked at.
  const floor = wanted.floor - widest
  let threshold = floor
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value < min) min = value
    if (value > max) max = value
    // Only what is certain to stand behind the page before can keep others out.
    if (value > threshold && value < behind) {
      best.offer(i, value)
      threshold = Math.max(floor, best.threshold)
    }
  }
  const least = Math.max(threshold - 2 * widest, floor)
  const most = wanted.ceiling + widest
  const [low, high] = [min + 2 * widest, max - 2 * widest]
  const near: number[] = []
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if ((value >= least && value <= most) || value <= low || value >= high) near.push(i)
  }
  return refined(bounds, near, wanted)
}

/** How far the value of any row is from its measure at most. */
function widestError(bounds: ScanBounds): number {
  return errorOf(bounds, bounds.maxLength, bounds.maxError)
}

/** The same of a row of this length, whose codes are off by this much. */
function errorOf(
  { metric, spread, share, slack, norm }: ScanBounds,
  length: number,
  error: number
): number {
  const rounding = metric === 'euclidean' ? slack * (length + norm) ** 2 : 0
  return spread * (error + share * (length + error)) + rounding
}

/** Of the places `near`, the rows that may matter by bounds of their own. */
function refined(
  bounds: ScanBounds,
  near: readonly number[],
  { k, floor, ceiling, after }: Wanted
): Uint32Array {
  const { values, rows, errors, lengths } = bounds
  const lowers = new Float64Array(near.length)
  const uppers = new Float64Array(near.length)
  const best = new TopK(Math.min(k, Math.max(1, near.length)))
  let minUpper = Number.POSITIVE_INFINITY
  let maxLower = Number.NEGATIVE_INFINITY
  for (const [n, i] of near.entries()) {
    const off = errorOf(bounds, lengths[rows[i]!]!, errors[rows[i]!]!)
    const [lower, upper] = [values[i]! - off, values[i]! + off]
    lowers[n] = lower
    uppers[n] = upper
    minUpper = Math.min(minUpper, upper)
    maxLower = Math.max(maxLower, lower)
    if (upper < after) best.offer(n, lower)
  }
  // Fewer than k that are certain keep nobody out.
  const least = Math.max(best.size < k ? Number.NEGATIVE_INFINITY : best.threshold, floor)
  const candidates = near.filter((_, n) => {
    const isHit = uppers[n]! >= least && lowers[n]! <= ceiling
    return isHit || lowers[n]! <= minUpper || uppers[n]! >= maxLower
  })
  return Uint32Array.from(candidates, i => rows[i]!)
}
