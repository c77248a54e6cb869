import type { Line } from '../corpus/lines.ts'
import type { Collection } from './collection.ts'
import type { UpsertOptions, UpsertResult } from './upsert.ts'

/** Options of an import. */
export interface ImportOptions extends UpsertOptions {
  /** Writes all documents into this namespace; default: each into its own. */
  readonly namespace?: string
  /** What to call the lines in an error message, for instance the file's path. */
  readonly place?: string
}

export async function importLines(
  collection: Collection,
  lines: Iterable<string | Line> | AsyncIterable<string | Line>,
  options: ImportOptions = {}
): Promise<UpsertResult> {
  throw new Error(`not yet: ${collection} ${lines} ${options}`)
}
