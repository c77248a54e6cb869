/** How long a part of a task took. */
export interface StageTime {
  readonly stage: string
  /** Milliseconds of wall time. */
  readonly ms: number
  /** What it was made of, where it says so. */
  readonly parts?: readonly StageTime[]
}

/** Measures the parts of a task, one after the other, from when it is made. */
export class Stopwatch {
  readonly stages: StageTime[] = []
  #last: number = performance.now()

  /** Ends a part, which began where the one before ended; what is done twice counts as one. */
  lap(stage: string, parts: readonly StageTime[] = []): void {
    const now = performance.now()
    const at = this.stages.findIndex(one => one.stage === stage)
    const ms = now - this.#last + (this.stages[at]?.ms ?? 0)
    const lapped = { stage, ms, ...(parts.length > 0 && { parts }) }
    if (at < 0) this.stages.push(lapped)
    else this.stages[at] = lapped
    this.#last = now
  }
}
