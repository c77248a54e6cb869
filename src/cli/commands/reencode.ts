import { Command } from 'commander'
import { type ReencodeResult, reencodeCollection } from 'esplanade'
import { openToRead } from '../collection-options.ts'
import { interruptible } from '../interrupt.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  precisionOption,
  queryModelOption,
  revisionOption,
  sharingOptions,
  workersOption
} from '../model-options.ts'
import { duration, showProgress } from '../progress.ts'
import { counted } from '../readable.ts'

interface ReencodeFlags extends ModelFlags {
  readonly model?: string
  readonly denseModel?: string
  readonly json?: boolean
}

const HELP = `
The new vectors are made beside the old ones, which are searched meanwhile, and
take their place in one step. Where it is stopped, the same command goes on.`

export function reencodeCommand(): Command {
  return new Command('reencode')
    .description('Encode all texts of a collection with another model.')
    .argument('<dir>', 'a collection')
    .option(
      '--model <model>',
      'name or folder of the new model, or org/name on the hub (default: terms stay as they are)'
    )
    .option(
      '--dense-model <model>',
      'folder of the new dense model, or org/name on the hub (default: dense vectors stay as they are)'
    )
    .addOption(queryModelOption())
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(precisionOption())
    .addOption(workersOption())
    .addOption(maxTokensOption())
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(reencode)
}

async function reencode(directory: string, flags: ReencodeFlags): Promise<void> {
  const started = performance.now()
  const total = await numDocumentsOf(directory)
  const progress = showProgress('re-encoding', 'documents')
  let result: ReencodeResult
  try {
    result = await interruptible(signal =>
      reencodeCollection(directory, {
        ...(flags.model !== undefined && { model: flags.model }),
        ...(flags.denseModel !== undefined && { denseModel: flags.denseModel }),
        load: { ...loadOptions(flags), ...sharingOptions(flags, undefined) },
        signal,
        onProgress: ({ done }) => progress.update(done, done / Math.max(1, total))
      })
    )
  } finally {
    progress.stop()
  }
  const seconds = (performance.now() - started) / 1000
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ...result, seconds: +seconds.toFixed(2) })}\n`)
    return
  }
  const { numDocuments, numTruncated } = result
  const models = [flags.model, flags.denseModel].filter(name => name !== undefined).join(' and ')
  process.stderr.write(
    `${counted(numDocuments, 'document')} encoded anew with ${models} in ${duration(seconds)}\n`
  )
  if (numTruncated > 0) {
    process.stderr.write(`${counted(numTruncated, 'text')} longer than the model reads\n`)
  }
}

async function numDocumentsOf(directory: string): Promise<number> {
  await using collection = await openToRead(directory)
  return (await collection.stats()).numDocuments
}
