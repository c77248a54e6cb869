/**
 * The runs of a term: its postings of one window, in one of two shapes that their number decides
 * (`docs/formats/segment-v1.md`). A contribution is an impact times the term's multiplier, rounded,
 * plus its surcharge, the same integer in both shapes: `((impact · multiplier + 128) >> 8) + surcharge`.
 */

/** The contribution of an impact of at least 1. */
@inline
export function contribution(impact: u32, multiplier: u32, surcharge: u32): u32 {
  return ((impact * multiplier + 128) >> 8) + surcharge
}

/** From this many postings on a run has a table of the largest impact of each block. */
@inline
export function blockTableMin(windowDocuments: u32): u32 {
  return windowDocuments >> 5
}

/** From this many postings on a run stands as one impact a document. */
@inline
export function denseMin(windowDocuments: u32): u32 {
  return (windowDocuments * 13) >> 6
}

@inline
function addTo(sums: usize, id: u32, amount: u32): void {
  const sum = sums + (<usize>id << 1)
  store<u16>(sum, load<u16>(sum) + amount)
}

/**
 * Adds a sparse run, u16 ids then u8 impacts, to the u16 sums of its window. Eight contributions are
 * worked out at once; they still go to their documents one by one.
 */
@inline
export function accumulateSparse(
  ids: usize,
  n: u32,
  multiplier: u32,
  surcharge: u32,
  sums: usize
): void {
  let impacts = ids + (<usize>n << 1)
  const end = impacts
  const factor = i16x8.splat(<i16>multiplier)
  const more = i16x8.splat(<i16>surcharge)
  const last = end - 16
  for (; ids <= last; ids += 16, impacts += 8) {
    const scaled = i16x8.q15mulr_sat_s(i16x8.shl(v128.load_ext<u8>(impacts), 7), factor)
    const eight = i16x8.add(scaled, more)
    addTo(sums, load<u16>(ids), i16x8.extract_lane_u(eight, 0))
    addTo(sums, load<u16>(ids, 2), i16x8.extract_lane_u(eight, 1))
    addTo(sums, load<u16>(ids, 4), i16x8.extract_lane_u(eight, 2))
    addTo(sums, load<u16>(ids, 6), i16x8.extract_lane_u(eight, 3))
    addTo(sums, load<u16>(ids, 8), i16x8.extract_lane_u(eight, 4))
    addTo(sums, load<u16>(ids, 10), i16x8.extract_lane_u(eight, 5))
    addTo(sums, load<u16>(ids, 12), i16x8.extract_lane_u(eight, 6))
    addTo(sums, load<u16>(ids, 14), i16x8.extract_lane_u(eight, 7))
  }
  while (ids < end) {
    addTo(sums, load<u16>(ids), contribution(<u32>load<u8>(impacts), multiplier, surcharge))
    ids += 2
    impacts++
  }
}

/**
 * The contributions of eight u8 impacts, 0 where an impact is 0. `q15mulr(a, b)` is
 * `(a · b + 2^14) >> 15`, so with a = impact · 2^7 it is the product; that of an impact is above 0.
 */
@inline
function contributions(impacts: usize, factor: v128, more: v128): v128 {
  const scaled = i16x8.q15mulr_sat_s(i16x8.shl(v128.load_ext<u8>(impacts), 7), factor)
  return i16x8.add(scaled, v128.and(i16x8.gt_s(scaled, i16x8.splat(0)), more))
}

/** Adds a row of u8 impacts to u16 sums, 16 at a time. */
@inline
export function accumulateDense(
  impacts: usize,
  n: u32,
  multiplier: u32,
  surcharge: u32,
  sums: usize
): void {
  const factor = i16x8.splat(<i16>multiplier)
  const more = i16x8.splat(<i16>surcharge)
  const end = impacts + <usize>n
  while (impacts < end) {
    const low = contributions(impacts, factor, more)
    const high = contributions(impacts + 8, factor, more)
    v128.store(sums, i16x8.add(v128.load(sums), low))
    v128.store(sums, i16x8.add(v128.load(sums, 16), high), 16)
    impacts += 16
    sums += 32
  }
}

/** Adds the contributions of a table of u8 block maxima, a multiple of 8 of them, to u16 bounds. */
@inline
export function accumulateBlocks(
  table: usize,
  numBlocks: usize,
  multiplier: u32,
  surcharge: u32,
  bounds: usize
): void {
  const factor = i16x8.splat(<i16>multiplier)
  const more = i16x8.splat(<i16>surcharge)
  for (let block: usize = 0; block < numBlocks; block += 8) {
    const at = bounds + (block << 1)
    v128.store(at, i16x8.add(v128.load(at), contributions(table + block, factor, more)))
  }
}
