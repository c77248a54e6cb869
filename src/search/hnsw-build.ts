import type { TaskOptions } from '../progress.ts'
import type { DenseRows } from './dense-rows.ts'
import type { HnswSettings } from './hnsw-format.ts'
import { type GraphShape, type HnswGraph, hnswLibrary } from './hnsw-graph.ts'
import { HnswPoints } from './hnsw-points.ts'
import { checkSignal } from './search-options.ts'

/** Points added between two looks at the signal, by each thread. */
const POINTS_A_TURN = 64

/**
 * Links rows to a graph; the event loop has turns meanwhile.
 *
 * @returns undefined where there are no rows
 * @throws EsplanadeError `RUNTIME_MISSING`, `RUNTIME_FAILED`, `ABORTED`
 */
export async function buildGraph(
  rows: DenseRows,
  settings: HnswSettings,
  { threads = 1, signal, onProgress }: TaskOptions & { readonly threads?: number | undefined } = {}
): Promise<HnswGraph | undefined> {
  checkSignal(signal)
  const library = await hnswLibrary()
  const { numVectors } = rows.header
  if (numVectors === 0) return undefined
  const points = new HnswPoints(rows)
  const graph = library.create(graphShape(rows, points, settings))
  const step = POINTS_A_TURN * threads
  for (let first = 0; first < numVectors; first += step) {
    const end = Math.min(first + step, numVectors)
    const ids = Uint32Array.from({ length: end - first }, (_, i) => first + i)
    graph.add(first, points.points(ids), threads)
    await new Promise(resolve => setTimeout(resolve))
    checkSignal(signal)
    onProgress?.({ done: end, total: numVectors })
  }
  return graph
}

/**
 * The graph of rows by its links, which are checked.
 *
 * @returns undefined where there are no rows
 * @throws EsplanadeError as `HnswLibrary.open`, and `RUNTIME_MISSING`
 */
export async function openGraph(
  rows: DenseRows,
  settings: HnswSettings,
  links: Uint8Array,
  place: string | undefined
): Promise<HnswGraph | undefined> {
  const library = await hnswLibrary()
  if (rows.header.numVectors === 0) return undefined
  const points = new HnswPoints(rows)
  const shape = graphShape(rows, points, settings)
  return library.open(shape, links, ids => points.points(ids), place)
}

function graphShape(
  { header }: DenseRows,
  { nearness }: HnswPoints,
  { connectivity, expansionAdd }: HnswSettings
): GraphShape {
  const { numVectors, dimensions } = header
  return { numPoints: numVectors, dimensions, nearness, connectivity, expansionAdd }
}
