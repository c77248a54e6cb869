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
    'threads that each encode with one core; bench encode tells whether it is worth it (default: 0, one encoder with all cores)'
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

/** @param signal - stops the download of a model from the hub */
export function loadOptions(
  { pooling, maxTokens, precision, revision, queryModel, workers }: ModelFlags,
  signal?: AbortSignal
): LoadOptions {
  return {
    ...(pooling && { pooling }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(precision && { precision }),
    ...(revision !== undefined && { revision }),
    ...(queryModel !== undefined && { queryModel }),
    ...(workers !== undefined && { numWorkers: workers }),
    ...(signal && { signal }),
    onDownload: showDownload
  }
}
