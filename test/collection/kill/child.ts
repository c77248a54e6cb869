import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Operation } from './ledger.ts'

const program = fileURLToPath(new URL('./program.mjs', import.meta.url))

/** A line that the program says. */
export interface ProgramLine {
  readonly begin?: number
  readonly end?: number
  readonly result?: unknown
  readonly failed?: string
}

/** When the program is killed. */
export type KillMoment =
  /** So many milliseconds after it began to open the collection. */
  | { readonly afterMs: number }
  /** After so many acknowledgements. */
  | { readonly afterEnds: number }
  /** So many milliseconds after it first begins something of a kind, or after 16 operations. */
  | { readonly kind: Operation['kind']; readonly afterMs: number }

const MAX_ENDS = 16

/**
 * Runs the program until it is killed, and passes on all that it said until then. Killed by SIGKILL, it
 * has no chance to clean up.
 */
export async function runAndKill(
  directory: string,
  seed: number,
  moment: KillMoment,
  hear: (line: ProgramLine & Operation) => void
): Promise<void> {
  const soonKind = 'kind' in moment ? [moment.kind] : []
  const child = spawn(process.execPath, [program, directory, String(seed), ...soonKind], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = new Promise(resolve => child.once('exit', (_, signal) => resolve(signal)))
  let numEnds = 0
  for await (const line of wholeLines(child.stdout)) {
    const said = JSON.parse(line) as ProgramLine & Operation
    hear(said)
    if (said.end !== undefined) numEnds++
    const isDue = 'kind' in moment ? said.kind === moment.kind : said.begin === 0
    if ('afterEnds' in moment ? numEnds > moment.afterEnds : numEnds > MAX_ENDS) kill(child)
    else if ('afterMs' in moment && isDue) setTimeout(kill, moment.afterMs, child)
  }
  const signal = await exited
  // One that fails before it has begun would prove nothing.
  if (signal !== 'SIGKILL') throw new Error('the program ended before it was killed')
}

/** Lines that were said to their end: one that was cut short announced nothing. */
async function* wholeLines(output: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of output.setEncoding('utf8')) {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop()!
    yield* lines
  }
}

function kill(child: ChildProcess): void {
  child.kill('SIGKILL')
}
