import { loadColbertEncoder } from '../encoder/load-colbert-encoder.ts'
import { loadDenseEncoder } from '../encoder/load-dense-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { HubOptions, LoadOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { denseReranker } from './dense-reranker.ts'
import { loadCrossEncoder } from './load-cross-encoder.ts'
import { maxSimReranker } from './max-sim-reranker.ts'
import type { Reranker } from './reranker.ts'
import { RERANKER_KINDS, type RerankerKind, rerankerKind } from './reranker-kind.ts'

/** How a reranker is loaded. */
export interface RerankerLoadOptions
  extends HubOptions,
    Pick<LoadOptions, 'maxBatchTokens' | 'device' | 'numThreads'> {
  /** Default: what the model's files say. Token vectors can be taken of a dense model, too: `'maxsim'`. */
  readonly kind?: RerankerKind
}

/** A reranker with a model of its own. */
export interface LoadedReranker extends Reranker, AsyncDisposable {
  /** Frees the model's memory; closing again does nothing. */
  close(): Promise<void>
}

/**
 * Makes the reranker that a model's files are made for. What a kind has of options of its own, its own
 * loader takes: `CrossEncoder.load`, `ColbertEncoder.load`, `DenseEncoder.load`.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for a model of no kind; `INVALID_ARGUMENT` for a kind that is
 * none; else as the loader of its kind
 */
export async function loadReranker(
  files: ModelFiles,
  { kind, ...options }: RerankerLoadOptions = {}
): Promise<LoadedReranker> {
  if (kind !== undefined && !RERANKER_KINDS.includes(kind)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'kind',
      problem: `given ${String(kind)}`,
      expected: RERANKER_KINDS.join(', ')
    })
  }
  switch (kind ?? (await rerankerKind(files))) {
    case 'cross-encoder':
      return loadCrossEncoder(files, options)
    case 'maxsim': {
      const encoder = await loadColbertEncoder(files, options)
      return closedWith(maxSimReranker(encoder), encoder)
    }
    case 'dense': {
      const encoder = await loadDenseEncoder(files, options)
      return closedWith(denseReranker(encoder), encoder)
    }
  }
}

function closedWith(
  reranker: Reranker,
  encoder: { readonly close: () => Promise<void> }
): LoadedReranker {
  const close = () => encoder.close()
  return { ...reranker, close, [Symbol.asyncDispose]: close }
}
