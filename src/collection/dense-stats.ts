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
  /** The graphs over them; absent where no segment has one. */
  readonly graphs?: GraphStats
}

/** What the graphs of a collection cover, cost and find. */
export interface GraphStats {
  /** Vectors that are in a graph; the others are scanned. */
  readonly numVectors: number
  /** Bytes of their files. */
  readonly bytes: number
  /**
   * Overlap@10 with the exact search, measured when they were built, with vectors as queries: the mean over
   * the graphs by the vectors of each.
   */
  readonly overlap: number
}

/** What the dense vectors of a view cost; undefined where none are searched. */
export function denseStatsOf(
  { segments, deltas }: View,
  { dense: settings }: CollectionSettings
): DenseStats | undefined {
  if (settings === undefined) return undefined
  let [numVectors, bytes] = [0, 0]
  const graphs = { numVectors: 0, bytes: 0, overlap: 0 }
  for (const { segment } of segments) {
    numVectors += segment.dense?.numVectors ?? 0
    bytes += segment.record.dense?.bytes ?? 0
    const graph = segment.dense?.entries.graph
    if (graph === undefined) continue
    graphs.numVectors += segment.dense!.numVectors
    graphs.bytes += segment.record.dense!.graph!.bytes
    graphs.overlap += graph.measured.overlap * segment.dense!.numVectors
  }
  for (const { delta, numEntries } of deltas) numVectors += delta.numDenseOf(numEntries)
  if (graphs.numVectors === 0) return { settings, numVectors, bytes }
  const overlap = graphs.overlap / graphs.numVectors
  return { settings, numVectors, bytes, graphs: { ...graphs, overlap } }
}
