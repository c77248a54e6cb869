import type { Collection } from '../collection/collection.ts'
import type { LoadOptions } from '../encoder/sparse-encoder.ts'
import type { Progress, TaskOptions } from '../progress.ts'

/** How far a re-encoding has come: `done` counts documents. */
export interface ReencodeProgress extends Progress {
  /** Passages that the model has encoded. */
  readonly numEncoded: number
  /** Passages that the model read in part only. */
  readonly numTruncated: number
}

/** Options of a re-encoding. */
export interface ReencodeOptions extends TaskOptions<ReencodeProgress> {
  /** The new model: a shipped one's name or a folder. */
  readonly model: string
  /** How it is loaded. */
  readonly load?: LoadOptions
}

/** What a re-encoding did. */
export interface ReencodeResult {
  /** The generation that is read and written now, for instance `g2`. */
  readonly generation: string
  readonly numDocuments: number
  /** Passages that this call encoded; fewer than there are after one that was stopped. */
  readonly numEncoded: number
  /** Of these, passages that the model read in part only. */
  readonly numTruncated: number
}

export async function reencodeCollection(
  collection: string | Collection,
  options: ReencodeOptions
): Promise<ReencodeResult> {
  throw new Error(`not yet: ${collection} ${options}`)
}
