import { Command } from 'commander'
import { type CheckReport, checkCollection, type Finding, repairCollection } from 'esplanade'
import { EXIT_FAILED } from '../exit-codes.ts'
import { printable } from '../highlighted-text.ts'
import { interruptible } from '../interrupt.ts'
import { showProgress } from '../progress.ts'
import { counted } from '../readable.ts'

interface CheckFlags {
  readonly json?: boolean
}

export function checkCommand(): Command {
  return new Command('check')
    .description('Look for damage: every checksum, every document against what is searched.')
    .argument('<dir>', 'a collection')
    .option('--json', 'one JSON object a finding, the summary last')
    .addHelpText('after', '\nChanges nothing. Exit code 1 where something is wrong.')
    .action(check)
}

export function repairCommand(): Command {
  return new Command('repair')
    .description('Rebuild what is damaged from the documents, which are never touched.')
    .argument('<dir>', 'a collection')
    .option('--json', 'one JSON object a step, the summary last')
    .addHelpText(
      'after',
      '\nDocuments that are damaged themselves come back from a backup only:\nesplanade restore.'
    )
    .action(repair)
}

async function check(directory: string, flags: CheckFlags): Promise<void> {
  const report = await withProgress('checking', options => checkCollection(directory, options))
  for (const finding of report.findings) {
    const line = flags.json ? JSON.stringify(finding) : textOf(finding)
    process.stdout.write(`${line}\n`)
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(summaryOf(report))}\n`)
  else process.stderr.write(`${verdictOf(directory, report)}\n`)
  if (!report.isClean) process.exitCode = EXIT_FAILED
}

async function repair(directory: string, flags: CheckFlags): Promise<void> {
  const { steps, report } = await withProgress('repairing', options =>
    repairCollection(directory, options)
  )
  for (const step of steps) {
    const line = flags.json ? JSON.stringify(step) : `${step.file}: ${step.done}`
    process.stdout.write(`${line}\n`)
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(summaryOf(report))}\n`)
  else {
    if (steps.length === 0) process.stderr.write('there was nothing to repair\n')
    for (const finding of report.findings) {
      if (finding.severity === 'error') process.stdout.write(`${textOf(finding)}\n`)
    }
    process.stderr.write(`${verdictOf(directory, report)}\n`)
  }
  if (!report.isClean) process.exitCode = EXIT_FAILED
}

/** Runs a task that tells how far it is and can be stopped. */
function withProgress<T>(
  name: string,
  task: (options: {
    signal: AbortSignal
    onProgress: (progress: { done: number; total?: number }) => void
  }) => Promise<T>
): Promise<T> {
  const progress = showProgress(name, 'documents')
  return interruptible(signal =>
    task({
      signal,
      onProgress: ({ done, total }) => progress.update(done, total ? done / total : undefined)
    })
  ).finally(() => progress.stop())
}

function summaryOf({ findings: _, ...summary }: CheckReport): object {
  return summary
}

function textOf({ severity, code, file, key, namespace, problem }: Finding): string {
  const where = [
    ...(file === undefined ? [] : [file]),
    ...(key === undefined ? [] : [`document ${JSON.stringify(key)}`]),
    ...(namespace ? [`of namespace ${JSON.stringify(namespace)}`] : [])
  ].join(', ')
  return printable(`${severity} ${code}: ${where === '' ? '' : `${where}: `}${problem}`)
}

function verdictOf(directory: string, report: CheckReport): string {
  const { isClean, isRepairable, numErrors, numDocuments, numSegments } = report
  if (isClean) {
    return `${directory} is clean: ${counted(numDocuments, 'document')}, ${counted(numSegments, 'segment')}`
  }
  const remedy = isRepairable
    ? `esplanade repair ${directory} rebuilds what is damaged`
    : 'documents are damaged; a backup has them: esplanade restore BACKUP --to DIR'
  return `${counted(numErrors, 'error')} in ${directory}; ${remedy}`
}
