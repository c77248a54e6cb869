import type { Command } from 'commander'
import type { CorpusOptions } from 'esplanade/corpus'
import { list } from './options.ts'

/** Options of every command that reads documents. */
export interface CorpusFlags {
  readonly key?: string
  readonly text?: string[]
  readonly metadata?: string[]
}

/** Adds `--key`, `--text` and `--metadata`. */
export function addCorpusOptions(command: Command): Command {
  return command
    .option('--key <field>', "field of the document's key (default: _id, id, key, …)")
    .option(
      '--text <fields>',
      'fields of the text, comma-separated (default: title, text, …)',
      list
    )
    .option('--metadata <fields>', 'fields to keep, comma-separated (default: all others)', list)
}

export function corpusOptions({ key, text, metadata }: CorpusFlags): CorpusOptions {
  return { key, text, metadata }
}
