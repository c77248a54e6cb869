import type { QueryMode } from '../encoder/query-modes.ts'
import type { WeightedFusion } from '../fusion/fusion-tuning.ts'
import type { WordTerms } from '../lexical/word-terms.ts'
import type { CollectionDenseEncoder } from './collection-dense-encoder.ts'
import type { CollectionEncoder } from './collection-encoder.ts'
import type { CollectionSettings } from './settings.ts'

/** What all that works on a collection needs to know of it. */
export interface CollectionContext {
  readonly settings: CollectionSettings
  readonly encoder: CollectionEncoder
  /** Undefined where no model makes dense vectors. */
  readonly denseEncoder: CollectionDenseEncoder | undefined
  /** How words become terms; undefined where they do not. */
  readonly words: WordTerms | undefined
  /** How the texts of queries become vectors unless a call says otherwise. */
  readonly queryMode: QueryMode
  /** The learned fusion that is kept with the collection, as it was when it was asked for first. */
  readonly tunedFusion: () => Promise<WeightedFusion | undefined>
}

/** Frees the models that were loaded. */
export async function closeModels({
  encoder,
  denseEncoder
}: Pick<CollectionContext, 'encoder' | 'denseEncoder'>): Promise<void> {
  await Promise.all([encoder.close(), denseEncoder?.close()])
}
