import { Command } from 'commander'
import { restoreCollection } from 'esplanade'
import { openToWrite } from '../collection-options.ts'
import { collectionBytes } from '../folder-bytes.ts'
import { interruptible } from '../interrupt.ts'
import { duration } from '../progress.ts'
import { counted, readableBytes } from '../readable.ts'

interface BackupFlags {
  readonly to: string
  readonly overwrite?: boolean
  readonly json?: boolean
}

export function backupCommand(): Command {
  return new Command('backup')
    .description('Copy a collection as it is now; the copy is a collection like any other.')
    .argument('<dir>', 'a collection')
    .requiredOption('--to <dir>', 'where the copy goes; nothing may be there')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nA program that writes to the collection copies it itself: collection.backup(to).'
    )
    .action(backup)
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('Put a backup in the place of a collection that is lost or damaged.')
    .argument('<backup>', 'what backup has made; it stays')
    .requiredOption('--to <dir>', 'where the collection is to be')
    .option('--overwrite', 'move aside what is there now; it is not deleted')
    .option('--json', 'one JSON object')
    .action(restore)
}

async function backup(directory: string, { to, json }: BackupFlags): Promise<void> {
  const started = performance.now()
  await using collection = await openToWrite(directory)
  await collection.backup(to)
  const { numDocuments } = await collection.stats()
  const { total: bytes } = await collectionBytes(to)
  const seconds = (performance.now() - started) / 1000
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ numDocuments, bytes, seconds: +seconds.toFixed(2) })}\n`
    )
    return
  }
  process.stderr.write(
    `${counted(numDocuments, 'document')} copied to ${to} in ${duration(seconds)}, ${readableBytes(bytes)}\n`
  )
}

async function restore(from: string, { to, overwrite, json }: BackupFlags): Promise<void> {
  const restored = await interruptible(signal =>
    restoreCollection(from, to, { overwrite: overwrite ?? false, signal })
  )
  if (json) {
    process.stdout.write(`${JSON.stringify(restored)}\n`)
    return
  }
  const { numDocuments, replaced } = restored
  process.stderr.write(`${counted(numDocuments, 'document')} restored to ${to}\n`)
  if (replaced !== undefined) process.stderr.write(`what was there is now in ${replaced}\n`)
}
