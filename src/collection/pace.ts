import { EsplanadeError } from '../errors.ts'

/** Milliseconds of work between two looks at the signal. */
const TURN_MS = 25

/** Lets other tasks of the thread have a turn now and then: the one that fires the signal is one. */
export class Pace {
  readonly #what: string
  readonly #signal: AbortSignal | undefined
  #begun = performance.now()

  /** @param what - what is stopped by the signal, for the message: `the check` */
  constructor(what: string, signal: AbortSignal | undefined) {
    this.#what = what
    this.#signal = signal
  }

  isDue(): boolean {
    return performance.now() - this.#begun >= TURN_MS
  }

  /** @throws EsplanadeError `ABORTED` */
  async turn(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve))
    this.#begun = performance.now()
    this.throwIfAborted()
  }

  /** @throws EsplanadeError `ABORTED` */
  throwIfAborted(): void {
    if (!this.#signal?.aborted) return
    throw new EsplanadeError('ABORTED', {
      problem: `${this.#what} was stopped by its signal`,
      cause: this.#signal.reason
    })
  }
}
