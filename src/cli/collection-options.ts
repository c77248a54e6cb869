import { type Command, Option } from 'commander'
import {
  type Collection,
  type CollectionSnapshot,
  type LoadOptions,
  type OpenOptions,
  open
} from 'esplanade'
import type { QueryMode } from 'esplanade/encoder'
import { loadOptions } from './model-options.ts'
import { queryModeOption } from './query-mode-option.ts'

/** Options of every command that reads a collection. */
export interface CollectionFlags {
  readonly namespace: string
  readonly model?: string
  readonly queryMode?: QueryMode
}

/** `--namespace`. */
export function namespaceOption(): Option {
  return new Option('--namespace <name>', 'a part of the collection with keys of its own').default(
    '',
    'none'
  )
}

/** `--model`, for commands that encode queries. */
function movedModelOption(): Option {
  return new Option('--model <model>', 'where the model of the collection is now, if it has moved')
}

/** Adds what says which documents of a collection are read. */
function addCollectionOptions(command: Command): Command {
  return command.addOption(namespaceOption()).addOption(movedModelOption())
}

/** Adds the options of a command that also searches it. */
export function addSearchOptions(command: Command): Command {
  return addCollectionOptions(command).addOption(queryModeOption())
}

/**
 * A collection beside which another process may write.
 *
 * @param load - how its model is loaded, beside what every command asks of that
 */
export function openToRead(
  directory: string,
  flags: Partial<CollectionFlags> = {},
  load: LoadOptions = {}
): Promise<Collection> {
  const { model, queryMode } = flags
  return open(directory, {
    readOnly: true,
    load: { ...loadOptions({}), ...load },
    ...(model && { model }),
    ...(queryMode && { queryMode })
  })
}

/** A collection that is there, to be changed. */
export function openToWrite(directory: string, options: OpenOptions = {}): Promise<Collection> {
  return open(directory, { create: false, ...options })
}

/** The keys of a namespace, in the order of their bytes. */
export async function* keysOf(
  source: Collection | CollectionSnapshot,
  namespace: string
): AsyncGenerator<string> {
  let cursor: string | undefined
  do {
    const page = await source.list({ namespace, limit: 1000, ...(cursor && { cursor }) })
    yield* page.keys
    cursor = page.cursor
  } while (cursor !== undefined)
}
