import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The built command line, as users run it; `npm test` builds before it tests. */
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** What a command left behind. */
export interface CliResult {
  /** The exit code; null where a signal ended the process. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** What the command reads from standard input; default: nothing. */
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  /** Set beside the environment of the test; undefined unsets. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Starts a command and leaves its standard input open, for tests that interrupt it. */
export function startCli(
  args: readonly string[],
  { cwd, env }: CliOptions = {}
): { child: ChildProcess; finished: Promise<CliResult> } {
  if (!existsSync(main)) throw new Error('dist/ is missing: run `npm run build` first')
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    // Colours are for tests that ask for them.
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env }
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  // A command that refuses its arguments ends before it has read its input.
  child.stdin.on('error', () => undefined)
  const finished = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
  })
  return { child, finished }
}

/** Runs `esplanade` with these arguments. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { child, finished } = startCli(args, options)
  child.stdin?.end(options.stdin ?? '')
  return finished
}

/** Standard output as the JSON objects of its lines. */
export function jsonLines<T = Record<string, unknown>>({ stdout }: CliResult): T[] {
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as T)
}
