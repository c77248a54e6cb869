const REPORT_INTERVAL_MS = 100

/** Hands on how far something is some times a second, and its end once. */
export function atIntervals(
  report: (done: number, total: number | undefined) => void
): (done: number, total: number | undefined) => void {
  let last = Number.NEGATIVE_INFINITY
  let isReported = false
  return (done, total) => {
    const now = performance.now()
    const isEnd = done === total
    if (isEnd ? isReported : now - last < REPORT_INTERVAL_MS) return
    last = now
    isReported = isEnd
    report(done, total)
  }
}
