import { type SpawnSyncReturns, spawnSync } from 'node:child_process'

/**
 * No program of the tests takes longer than some seconds. Node itself may hang when a program has
 * ended, once in several hundred runs: a background compilation waits for a garbage collection by
 * the main thread, which waits for the compilation (nodejs/node#54918). Such a run is ended and
 * made again.
 */
const TIMEOUT_MS = 60_000
const MAX_RUNS = 3

/** Where a program runs. */
export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a program to its end; its input is empty. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {}
): SpawnSyncReturns<string> {
  for (let run = 1; ; run++) {
    const outcome = spawnSync(command, args, {
      ...options,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL'
    })
    const timedOut = (outcome.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
    if (!timedOut || run === MAX_RUNS) return outcome
  }
}
