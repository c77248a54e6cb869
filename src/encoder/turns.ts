/** Lets a number of tasks run at once; the others wait for a turn, first come first served. */
export class Turns {
  #numFree: number
  readonly #waiting: (() => void)[] = []

  /** @param numAtOnce - at least 1 */
  constructor(numAtOnce: number) {
    this.#numFree = numAtOnce
  }

  /** Runs a task when its turn has come. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#numFree > 0) this.#numFree--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await task()
    } finally {
      // A turn is handed on rather than given back, so nobody comes in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#numFree++
      else next()
    }
  }
}
