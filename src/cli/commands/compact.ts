import { Command } from 'commander'
import { openToWrite } from '../collection-options.ts'
import { collectionBytes } from '../folder-bytes.ts'
import { interruptible } from '../interrupt.ts'
import { duration, showProgress } from '../progress.ts'
import { counted, readableBytes } from '../readable.ts'

export function compactCommand(): Command {
  return new Command('compact')
    .description('Join segments and drop what was deleted, so that searches are fastest.')
    .argument('<dir>', 'a collection')
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nNever needed: merges go on by themselves while documents are written.')
    .action(compact)
}

async function compact(directory: string, { json }: { readonly json?: boolean }): Promise<void> {
  const started = performance.now()
  await using collection = await openToWrite(directory)
  const before = await collection.stats()
  const progress = showProgress('compacting', 'segments')
  try {
    await interruptible(signal =>
      collection.compact({
        signal,
        onProgress: ({ done, total }) => progress.update(done, total ? done / total : undefined)
      })
    )
  } finally {
    progress.stop()
  }
  const { numSegments } = await collection.stats()
  const { segments: segmentBytes } = await collectionBytes(directory)
  const seconds = +((performance.now() - started) / 1000).toFixed(2)
  if (json) {
    const numDropped = before.numDead
    process.stdout.write(`${JSON.stringify({ numSegments, numDropped, segmentBytes, seconds })}\n`)
    return
  }
  const dropped = before.numDead > 0 ? `, ${counted(before.numDead, 'dead passage')} dropped` : ''
  process.stderr.write(
    `${counted(before.numSegments, 'segment')} became ${numSegments} in ${duration(seconds)}${dropped}, ${readableBytes(segmentBytes)}\n`
  )
}
