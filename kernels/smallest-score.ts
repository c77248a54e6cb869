import { documentScore, recordOf } from './document-score'
import { Request } from './request'
import { accumulate, orderedTerm, orderTerms, planWindows, touch } from './window-search'

/**
 * The smallest score of a segment's documents; `src/kernel/smallest-score.ts` says what it is. All terms
 * are added up, window after window: the score of a document times `scale` is at least its sum less the
 * spread, so only documents of the smallest sums are scored exactly.
 */

/** The smallest score of the windows that were looked at. */
let smallest: f64 = 0

/** Sums up to this may belong to a smaller score. */
function limit(request: Request): u32 {
  const most = smallest * request.scale + <f64>request.spread + <f64>request.slack
  return most < 65535 ? <u32>most : 65535
}

/** Looks at the sums of a window. */
function lookAt(request: Request, window: u32, windowDocuments: u32): void {
  const first = window * request.windowDocuments
  let most = limit(request)
  for (let i: u32 = 0; i < windowDocuments; i += 8) {
    const sums = <usize>request.accumulator + (<usize>i << 1)
    let mask = i16x8.bitmask(i16x8.le_u(v128.load(sums), i16x8.splat(<i16>most)))
    if (mask && request.filter) mask &= <i32>load<u8>(<usize>request.filter + <usize>((first + i) >> 3))
    while (mask) {
      const lane = <u32>ctz(mask)
      mask &= mask - 1
      const docId = first + i + lane
      if (docId >= request.numDocuments) return
      const record = recordOf(request, docId)
      const score = documentScore(request, record, recordOf(request, docId + 1))
      request.numScored++
      if (score >= smallest) continue
      smallest = score
      if (score == 0) return
      most = limit(request)
    }
  }
}

export function smallestScore(address: usize): f64 {
  const request = changetype<Request>(address)
  smallest = Infinity
  planWindows(request)
  for (let window: u32 = 0; window < request.numWindows && smallest > 0; window++) {
    const isLast = window == request.numWindows - 1
    const windowDocuments = isLast ? request.lastWindowDocuments : request.windowDocuments
    const present = orderTerms(request, window, windowDocuments)
    touch(request, present, present, windowDocuments)
    for (let t: u32 = 0; t < present; t++) {
      accumulate(request, orderedTerm(request, t), windowDocuments)
    }
    lookAt(request, window, windowDocuments)
    memory.fill(request.accumulator, 0, <usize>windowDocuments << 1)
  }
  return smallest
}
