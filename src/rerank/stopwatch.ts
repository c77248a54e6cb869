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

  /** Ends a part, which began where the one before ended. */
  lap(stage: string, parts: readonly StageTime[] = []): void {
    const now = performance.now()
    this.stages.push({ stage, ms: now - this.#last, ...(parts.length > 0 && { parts }) })
    this.#last = now
  }
}
