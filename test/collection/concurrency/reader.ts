import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What a reader says at its end. */
export interface ReaderReport {
  readonly problems: readonly string[]
  readonly numReads: number
  /** How often a pair had a new counter. */
  readonly numSteps: number
  /** How many numbers of segments it saw. */
  readonly numSegments: number
}

/** A process that reads pairs, see `reader.mjs`. */
export class ReaderProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(directory: string) {
    const program = fileURLToPath(new URL('reader.mjs', import.meta.url))
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    this.#child = spawn(process.execPath, [program, directory], { stdio: [...stdio] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /** Resolves when the process reads. */
  async ready(): Promise<void> {
    const line = await this.#line()
    if (line !== 'ready') throw new Error(line)
  }

  /** The counter that the process sees of a pair, now that one was acknowledged. */
  async ask(pair: number, counter: number): Promise<string> {
    this.#child.stdin!.write(`${JSON.stringify([pair, counter])}\n`)
    return this.#line()
  }

  async end(): Promise<ReaderReport> {
    this.#child.stdin!.end()
    return JSON.parse(await this.#line())
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    return done ? 'the process has ended' : value
  }
}
