import { COSINE, HALF_WEIGHTS, Request, WIDE_TERMS } from './request'

/**
 * The exact score of one document from its record of the forward index: products of the stored
 * weights summed in f64 by ascending term, which is what the oracle sums.
 *
 * The record is an insertion id (u32), then term indexes (u16 or u32), then as many weights
 * (f32 at a multiple of 4, or f16). Most terms are not the query's, so a first pass notes the places of
 * those that are, without a branch: a place is always written, and kept only if the term's mark
 * (4 for a term of the query, 0 otherwise) moves the end of the list past it.
 */

/** Where the record of a document begins. */
@inline
export function recordOf(request: Request, docId: u32): usize {
  const offset = load<u32>(<usize>request.documentOffsets + (<usize>docId << 2))
  return <usize>request.documents + (<usize>offset << 2)
}

/** The number of terms of a record of `bytes` bytes. */
@inline
function numTermsOf(bytes: usize, flags: u32): usize {
  const payload = bytes - 4
  if (flags & WIDE_TERMS) return flags & HALF_WEIGHTS ? payload / 6 : payload >> 3
  return flags & HALF_WEIGHTS ? payload >> 2 : payload / 6
}

/** A half-precision number (IEEE 754 binary16) that is positive and finite. */
@inline
function fromHalf(bits: u32): f32 {
  if (bits < 0x400) return <f32>bits * reinterpret<f32>(0x33800000) // subnormal: bits · 2^-24
  return reinterpret<f32>((bits << 13) + 0x38000000)
}

@inline
function weightAt(weights: usize, at: usize, flags: u32): f64 {
  return flags & HALF_WEIGHTS
    ? <f64>fromHalf(load<u16>(weights + (at << 1)))
    : <f64>load<f32>(weights + (at << 2))
}

/** Notes the places of the query's terms among u16 term indexes; returns the end of the list. */
@inline
function matchNarrow(terms: usize, n: usize, marks: usize, matches: usize, full: usize): usize {
  let end = matches
  let i: usize = 0
  for (; i + 4 <= n && end < full; i += 4) {
    const four = load<u64>(terms + (i << 1))
    store<u32>(end, <u32>i)
    end += <usize>load<u8>(marks + <usize>(four & 0xffff))
    store<u32>(end, <u32>i + 1)
    end += <usize>load<u8>(marks + <usize>((four >> 16) & 0xffff))
    store<u32>(end, <u32>i + 2)
    end += <usize>load<u8>(marks + <usize>((four >> 32) & 0xffff))
    store<u32>(end, <u32>i + 3)
    end += <usize>load<u8>(marks + <usize>(four >> 48))
  }
  for (; i < n && end < full; i++) {
    store<u32>(end, <u32>i)
    end += <usize>load<u8>(marks + <usize>load<u16>(terms + (i << 1)))
  }
  return end
}

/** The same among u32 term indexes, which a damaged file may let point past the marks. */
@inline
function matchWide(request: Request, terms: usize, n: usize, matches: usize, full: usize): usize {
  const marks: usize = request.isQueryTerm
  let end = matches
  for (let i: usize = 0; i < n && end < full; i++) {
    const term = load<u32>(terms + (i << 2))
    if (term >= request.lexiconSize) continue
    store<u32>(end, <u32>i)
    end += <usize>load<u8>(marks + <usize>term)
  }
  return end
}

/** The exact score of the document whose record is given; 0 if it holds no term of the query. */
export function documentScore(request: Request, record: usize, recordEnd: usize): f64 {
  const flags = request.flags
  const n = numTermsOf(recordEnd - record, flags)
  const terms = record + 4
  const isWide = (flags & WIDE_TERMS) != 0
  const termsEnd = terms + (isWide ? n << 2 : n << 1)
  const weights = flags & HALF_WEIGHTS ? termsEnd : (termsEnd + 3) & ~3
  const matches: usize = request.matches
  // All terms of the query were found; a sound record holds each once.
  const full = matches + (<usize>request.numTerms << 2)
  const end = isWide
    ? matchWide(request, terms, n, matches, full)
    : matchNarrow(terms, n, request.isQueryTerm, matches, full)
  const queryWeights: usize = request.queryWeights
  let sum: f64 = 0
  for (let match = matches; match < end; match += 4) {
    const at = <usize>load<u32>(match)
    const term = isWide
      ? <usize>load<u32>(terms + (at << 2))
      : <usize>load<u16>(terms + (at << 1))
    sum += <f64>load<f32>(queryWeights + (term << 2)) * weightAt(weights, at, flags)
  }
  if (sum == 0 || !(flags & COSINE)) return sum
  let squares: f64 = 0
  for (let i: usize = 0; i < n; i++) {
    const weight = weightAt(weights, i, flags)
    squares += weight * weight
  }
  return sum / (request.queryLength * sqrt(squares))
}
