import { Command } from 'commander'
import { EsplanadeError } from 'esplanade'
import { namespaceOption, openToWrite } from '../collection-options.ts'
import { filterOption } from '../filter-option.ts'
import { counted } from '../readable.ts'

interface DeleteFlags {
  readonly namespace: string
  readonly filter?: unknown
  readonly json?: boolean
}

const HELP = `
Either KEYs or --filter. What is deleted is gone for good, from the next search
on; the room it took is used again.

  esplanade delete notes.esplanade old.md drafts/plan.md
  esplanade delete notes.esplanade --filter '{"year": {"$lt": 2000}}'`

export function deleteCommand(): Command {
  return new Command('delete')
    .description('Delete documents, by their keys or by their metadata.')
    .argument('<dir>', 'a collection')
    .argument('[key...]', 'keys of documents')
    .addOption(filterOption())
    .addOption(namespaceOption())
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(deleteDocuments)
}

async function deleteDocuments(
  directory: string,
  keys: string[],
  { filter, namespace, json }: DeleteFlags
): Promise<void> {
  if (keys.length > 0 === (filter !== undefined)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'delete',
      problem: keys.length > 0 ? 'keys and a filter were given' : 'neither keys nor a filter',
      expected: 'the keys of documents, or --filter'
    })
  }
  await using collection = await openToWrite(directory)
  const numDeleted = await collection.delete(keys.length > 0 ? keys : { filter }, { namespace })
  const numMissing = keys.length === 0 ? 0 : new Set(keys).size - numDeleted
  if (json) {
    process.stdout.write(`${JSON.stringify({ numDeleted, numMissing })}\n`)
    return
  }
  if (numMissing > 0) process.stderr.write(`${counted(numMissing, 'key')} had no document\n`)
  process.stderr.write(`${counted(numDeleted, 'document')} deleted\n`)
}
