import { EsplanadeError } from '../errors.ts'
import type { TaskOptions } from '../progress.ts'

/** The event loop gets a turn after so many milliseconds. */
const PAUSE_MS = 50

/** Work in small steps that lets a signal fire and says how far it is. */
export class PatientTask {
  /** Steps in all. */
  total: number | undefined
  readonly #options: TaskOptions
  #done = 0
  #pausedAt = performance.now()

  /** @throws EsplanadeError `ABORTED` where the signal has fired already */
  constructor(options: TaskOptions) {
    this.#options = options
    this.#check()
  }

  /** One step is done. @throws EsplanadeError `ABORTED` */
  async step(): Promise<void> {
    this.#done++
    const isLast = this.#done === this.total
    if (!isLast && performance.now() - this.#pausedAt < PAUSE_MS) return
    this.#options.onProgress?.({
      done: this.#done,
      ...(this.total !== undefined && { total: this.total })
    })
    await this.#turn()
  }

  /** Between steps that somebody else counts. @throws EsplanadeError `ABORTED` */
  async pause(): Promise<void> {
    if (performance.now() - this.#pausedAt >= PAUSE_MS) await this.#turn()
  }

  async #turn(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, 0))
    this.#check()
    this.#pausedAt = performance.now()
  }

  #check(): void {
    if (!this.#options.signal?.aborted) return
    throw new EsplanadeError('ABORTED', {
      problem: `stopped after ${this.#done} steps`,
      cause: this.#options.signal.reason
    })
  }
}
