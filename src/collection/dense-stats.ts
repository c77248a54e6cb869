import type { DenseSettings } from './dense-settings.ts'
import type { CollectionSettings } from './settings.ts'
import type { View } from './view.ts'

/** What the dense vectors of a collection cost. */
export interface DenseStats {
  readonly settings: DenseSettings
  /** Vectors in segments and in memory; those of documents that were replaced or deleted count. */
  readonly numVectors: number
  /** Bytes of their files, which are in memory too. */
  readonly bytes: number
}

/** What the dense vectors of a view cost; undefined where none are searched. */
export function denseStatsOf(
  { segments, deltas }: View,
  { dense: settings }: CollectionSettings
): DenseStats | undefined {
  if (settings === undefined) return undefined
  let [numVectors, bytes] = [0, 0]
  for (const { segment } of segments) {
    numVectors += segment.dense?.numVectors ?? 0
    bytes += segment.record.dense?.bytes ?? 0
  }
  for (const { delta, numEntries } of deltas) numVectors += delta.numDenseOf(numEntries)
  return { settings, numVectors, bytes }
}
