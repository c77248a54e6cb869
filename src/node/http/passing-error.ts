/** A failure that may pass by itself: a busy server, a connection that broke. */
export class PassingError extends Error {
  /** What happened, as a part of a sentence. */
  readonly problem: string
  readonly retryAfterMs: number | undefined

  constructor(
    problem: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {}
  ) {
    super(problem, { cause: options.cause })
    this.problem = problem
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The statuses after which the same request may succeed. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

/** `Retry-After` in milliseconds: seconds or a date, RFC 9110, section 10.2.3. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
