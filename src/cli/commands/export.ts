import { Command } from 'commander'
import { EsplanadeError, exportLines, importLines, type OpenOptions, open } from 'esplanade'
import { namespaceOption, openToRead } from '../collection-options.ts'
import { interruptible } from '../interrupt.ts'
import { PartialFile, stdoutLines } from '../line-output.ts'
import { duration, showProgress } from '../progress.ts'
import { counted } from '../readable.ts'
import { textLines } from '../text-lines.ts'

interface ExportFlags {
  readonly to?: string
  readonly namespace?: string
  readonly vectors: boolean
}

interface ImportFlags {
  readonly to: string
  readonly model?: string
  readonly namespace?: string
  readonly json?: boolean
}

const LINES = `
A line is {"_id", "namespace"?, "text", "metadata", "vector": {"indices",
"values"}, "dense"?}; a document of several passages has "passages" and
"vectors". Vectors are those that were stored, to the last bit.`

export function exportCommand(): Command {
  return new Command('export')
    .description('Write the documents of a collection as JSON lines, with their vectors.')
    .argument('<dir>', 'a collection')
    .option('--to <file>', 'where the lines go (default: standard output)')
    .option('--namespace <name>', 'only this namespace (default: all)')
    .option('--no-vectors', 'texts and metadata only')
    .addHelpText('after', LINES)
    .action(exportCollection)
}

export function importCommand(): Command {
  return new Command('import')
    .description('Read back what export has written; nothing is encoded anew.')
    .argument('<file>', 'JSON lines (.gz too), or - for standard input')
    .requiredOption('--to <dir>', 'the collection, which is made if need be')
    .option(
      '--model <model>',
      "the model of the vectors; none: made elsewhere (default: the collection's own, splade-tiny for a new one)"
    )
    .addOption(namespaceOption().default(undefined, 'as each line says'))
    .option('--json', 'one JSON object')
    .addHelpText('after', LINES)
    .action(importCollection)
}

async function exportCollection(directory: string, flags: ExportFlags): Promise<void> {
  await using collection = await openToRead(directory)
  const { numDocuments } = await collection.stats()
  const { to, namespace, vectors } = flags
  const file = to === undefined ? undefined : await PartialFile.open(to, 'replace')
  const output = file ?? stdoutLines
  const progress = showProgress('exporting', 'documents')
  let done = 0
  try {
    await interruptible(async signal => {
      const scope = namespace === undefined ? { allNamespaces: true } : { namespace }
      for await (const line of exportLines(collection, { ...scope, vectors })) {
        if (signal.aborted) {
          throw new EsplanadeError('ABORTED', { problem: `stopped after ${done} documents` })
        }
        await output.write(line)
        progress.update(++done, done / numDocuments)
      }
    })
    await file?.end()
    await file?.publish()
  } catch (error) {
    await file?.discard()
    throw error
  } finally {
    progress.stop()
  }
  if (to !== undefined) process.stderr.write(`${counted(done, 'document')} written to ${to}\n`)
}

async function importCollection(path: string, flags: ImportFlags): Promise<void> {
  const started = performance.now()
  const { to, model, namespace } = flags
  const options: OpenOptions = model === undefined ? {} : { model: model === 'none' ? null : model }
  await using collection = await open(to, options)
  const progress = showProgress('importing', 'documents')
  const { numWritten } = await interruptible(signal =>
    importLines(collection, textLines(path), {
      signal,
      place: path === '-' ? 'stdin' : path,
      ...(namespace !== undefined && { namespace }),
      onProgress: ({ done }) => progress.update(done)
    })
  ).finally(() => progress.stop())
  await collection.flush()
  await collection.settle()
  const seconds = (performance.now() - started) / 1000
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ numWritten, seconds: +seconds.toFixed(2) })}\n`)
    return
  }
  process.stderr.write(
    `${counted(numWritten, 'document')} imported into ${to} in ${duration(seconds)}\n`
  )
}
