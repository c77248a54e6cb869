#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { type ErrorCode, EsplanadeError } from 'esplanade'
import { backupCommand, restoreCommand } from './commands/backup.ts'
import { benchCommand } from './commands/bench.ts'
import { checkCommand, repairCommand } from './commands/check.ts'
import { compactCommand } from './commands/compact.ts'
import { compareCommand } from './commands/compare.ts'
import { deleteCommand } from './commands/delete.ts'
import { doctorCommand } from './commands/doctor.ts'
import { downloadCommand } from './commands/download.ts'
import { encodeCommand } from './commands/encode.ts'
import { evalCommand } from './commands/eval.ts'
import { expandCommand } from './commands/expand.ts'
import { explainCommand } from './commands/explain.ts'
import { exportCommand, importCommand } from './commands/export.ts'
import { indexCommand } from './commands/index-corpus.ts'
import { inspectCommand } from './commands/inspect.ts'
import { modelsCommand } from './commands/models.ts'
import { reencodeCommand } from './commands/reencode.ts'
import { runCommand } from './commands/run.ts'
import { searchCommand } from './commands/search.ts'
import { similarityCommand } from './commands/similarity.ts'
import { tuneCommand } from './commands/tune.ts'
import { endDownload } from './download-progress.ts'
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-codes.ts'
import { unwritable } from './output-file.ts'
import { packageVersion } from './package-version.ts'

const MAX_COMMAND_LINE_BYTES = 16_000

/** Codes that speak of what was asked for, not of what was found. */
const WRONG_USAGE: readonly ErrorCode[] = ['INVALID_ARGUMENT', 'FILTER_INVALID', 'METRIC_UNKNOWN']

/** The command line: `esplanade COMMAND`. Results on stdout, everything else on stderr. */
const program = new Command('esplanade')
  .description('Learned sparse search: encode, index, search, explain and measure.')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(esplanade COMMAND --help shows what a command takes)')

for (const make of [
  indexCommand,
  searchCommand,
  explainCommand,
  expandCommand,
  similarityCommand,
  encodeCommand,
  runCommand,
  evalCommand,
  compareCommand,
  tuneCommand,
  inspectCommand,
  deleteCommand,
  checkCommand,
  repairCommand,
  compactCommand,
  backupCommand,
  restoreCommand,
  exportCommand,
  importCommand,
  reencodeCommand,
  modelsCommand,
  downloadCommand,
  benchCommand,
  doctorCommand
]) {
  program.addCommand(make())
}
inheritSettings(program)

// A reader that has seen enough (`| head`) is no failure; a full disk behind `>` is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_OK)
  process.exit(report(unwritable('standard output', error)))
})

try {
  refuseLongCommandLine()
  await program.parseAsync()
} catch (error) {
  endDownload()
  process.exitCode = report(error)
}

/** Usage errors are told in one way, however deep the command lies. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inheritSettings(command)
  }
}

/**
 * ONNX Runtime (1.30, at least) crashes the process where the command line is longer than some
 * 20 kB, so a long one is refused with a word on what to do.
 */
function refuseLongCommandLine(): void {
  const numBytes = Buffer.byteLength(process.argv.join(' '))
  if (numBytes <= MAX_COMMAND_LINE_BYTES) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    problem: `the command line has ${numBytes} bytes`,
    expected: `at most ${MAX_COMMAND_LINE_BYTES}`,
    remedy: 'Name the folder instead of its files, or put texts into a file'
  })
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  if (!(error instanceof EsplanadeError)) throw error
  process.stderr.write(`esplanade: ${error.message} [${error.code}]\n`)
  return WRONG_USAGE.includes(error.code) ? EXIT_USAGE : EXIT_FAILED
}
