import { availableParallelism } from 'node:os'
import { Option } from 'commander'
import type { LoadOptions, Pooling, Precision } from 'esplanade/encoder'
import { showDownload } from './download-progress.ts'
import { count } from './options.ts'

/** Options of commands that load a model. */
export interface ModelFlags {
  readonly pooling?: Pooling
  readonly maxTokens?: number
  readonly precision?: Precision
  readonly revision?: string
  readonly queryModel?: string
  readonly workers?: number
}

/** `--pooling`, for models whose folder does not say. */
export function poolingOption(): Option {
  return new Option(
    '--pooling <pooling>',
    "SPLADE pooling (default: the model's own, else max)"
  ).choices(['max', 'sum'])
}

/** `--max-tokens`. */
export function maxTokensOption(): Option {
  return new Option(
    '--max-tokens <n>',
    'tokens of a text that the model reads (default: 256)'
  ).argParser(count(3))
}

/** `--precision`, for models that are built from weights. */
export function precisionOption(): Option {
  return new Option(
    '--precision <precision>',
    'of the computation; int8 weights are off by up to about 0.1 (default: mixed)'
  ).choices(['float32', 'mixed', 'int8'])
}

/** `--workers`, for commands that encode many texts. */
export function workersOption(): Option {
  return new Option(
    '--workers <n>',
    'threads that encode side by side, 0: none but this one (default: one a core, up to 4, for more than 1 MB)'
  ).argParser(count(0))
}

/** `--query-model`, for models of which there is one for documents and one for queries. */
export function queryModelOption(): Option {
  return new Option(
    '--query-model <model>',
    'encodes queries, with the vocabulary of --model (default: the same model)'
  )
}

/** `--revision`, for models from the hub. */
export function revisionOption(): Option {
  return new Option(
    '--revision <revision>',
    'of a model on the hub: a branch, tag or commit (default: main)'
  )
}

/** Less than that is encoded before workers have started. */
const MANY_BYTES = 1_000_000
/** Each has the model in memory once more. */
const MAX_DEFAULT_WORKERS = 4

/**
 * How a command shares its encoding among the cores: as `--workers` says, else by workers where there is
 * much to encode.
 *
 * Measured on two cores with the shipped model in `mixed`: 560 passages a second with two workers of one
 * thread, 260 in one encoder (`npm run bench -- encode --workers 2`).
 *
 * @param numBytes - of the texts; undefined where nobody knows
 */
export function sharingOptions({ workers }: ModelFlags, numBytes: number | undefined): LoadOptions {
  if (workers !== undefined) return { numWorkers: workers }
  const numCores = availableParallelism()
  if (numCores === 1 || (numBytes ?? MANY_BYTES) < MANY_BYTES) return {}
  const numWorkers = Math.min(numCores, MAX_DEFAULT_WORKERS)
  return { numWorkers, numThreads: Math.floor(numCores / numWorkers) }
}

/** @param signal - stops the download of a model from the hub */
export function loadOptions(
  { pooling, maxTokens, precision, revision, queryModel }: ModelFlags,
  signal?: AbortSignal
): LoadOptions {
  return {
    ...(pooling && { pooling }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(precision && { precision }),
    ...(revision !== undefined && { revision }),
    ...(queryModel !== undefined && { queryModel }),
    ...(signal && { signal }),
    onDownload: showDownload
  }
}
