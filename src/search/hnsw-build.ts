import type { TaskOptions } from '../progress.ts'
import type { DenseRows } from './dense-rows.ts'
import { FlatScan } from './flat-scan.ts'
import { HNSW_DEFAULTS, type HnswFile, type HnswOverlap, type HnswSettings } from './hnsw-format.ts'
import { type GraphShape, type HnswGraph, hnswLibrary } from './hnsw-graph.ts'
import { measureOverlap } from './hnsw-overlap.ts'
import { HnswPoints, nearnessOf } from './hnsw-points.ts'
import { HnswSearcher } from './hnsw-searcher.ts'
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
  const graph = library.create(graphShape(rows, settings))
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

/** How much of the exact hits a new graph finds, with rows as queries. @throws `ABORTED` */
export async function measureGraph(
  rows: DenseRows,
  scan: FlatScan,
  graph: HnswGraph | undefined,
  { connectivity, expansionSearch }: HnswSettings,
  signal: AbortSignal | undefined
): Promise<HnswOverlap> {
  const searcher = new HnswSearcher(rows, scan, graph, connectivity)
  const sample = { k: 10, expansion: expansionSearch, queries: 100 }
  return measureOverlap(rows, scan, searcher, sample, signal ? { signal } : {})
}

/** What a file of a graph of rows has, by the default settings. @throws as {@link buildGraph} */
export async function buildHnswFile(
  rows: DenseRows,
  signal: AbortSignal | undefined
): Promise<HnswFile> {
  const settings = HNSW_DEFAULTS
  const graph = await buildGraph(rows, settings, signal ? { signal } : {})
  const measured = await measureGraph(rows, new FlatScan(rows), graph, settings, signal)
  return { settings, measured, links: (await graph?.links()) ?? new Uint8Array() }
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
  return library.open(graphShape(rows, settings), links, ids => points.points(ids), place)
}

/** What the graph of rows is like. */
export function graphShape(
  { header }: DenseRows,
  { connectivity, expansionAdd }: HnswSettings
): GraphShape {
  const { numVectors, dimensions, metric } = header
  const nearness = nearnessOf(metric)
  return { numPoints: numVectors, dimensions, nearness, connectivity, expansionAdd }
}
