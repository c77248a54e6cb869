import { Option } from 'commander'
import type { LoadOptions, Pooling } from 'esplanade/encoder'
import { count } from './options.ts'

/** Options of commands that load a model. */
export interface ModelFlags {
  readonly pooling?: Pooling
  readonly maxTokens?: number
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

export function loadOptions({ pooling, maxTokens }: ModelFlags): LoadOptions {
  return { ...(pooling && { pooling }), ...(maxTokens !== undefined && { maxTokens }) }
}
