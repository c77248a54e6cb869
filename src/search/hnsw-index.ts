import { EsplanadeError } from '../errors.ts'
import type { TaskOptions } from '../progress.ts'
import { checkedDenseVector, refuseZero } from '../vector/dense-vector.ts'
import type { DenseIndex, DenseSearchOptions, DenseSearchResult } from './dense-index.ts'
import { buildGraph, measureGraph, openGraph } from './hnsw-build.ts'
import {
  HNSW_DEFAULTS,
  type HnswOverlap,
  type HnswSettings,
  LIMITS,
  readHnswFile,
  writeHnswFile
} from './hnsw-format.ts'
import type { HnswGraph } from './hnsw-graph.ts'
import { measureOverlap } from './hnsw-overlap.ts'
import { HnswSearcher } from './hnsw-searcher.ts'
import { checkedThreads } from './threads.ts'

/** Options of {@link buildHnsw}. */
export interface HnswOptions extends TaskOptions {
  /** Links of a vector on each upper level, twice as many on the lowest: 4 to 128 (default 16). */
  readonly connectivity?: number | undefined
  /** Candidates kept while a vector is linked, 1 to 4096 (default 128): more find better links. */
  readonly expansionAdd?: number | undefined
  /** Candidates kept by a search that names no `expansion`, 1 to 4096 (default 64). */
  readonly expansionSearch?: number | undefined
  /**
   * Threads that link vectors (default 1). With one the same vectors give the same bytes; with more it
   * depends on which was first.
   */
  readonly threads?: number | undefined
}

/** Options of {@link HnswIndex.search}. */
export interface HnswSearchOptions extends DenseSearchOptions {
  /**
   * Candidates kept on the way, 1 to 4096 (default: `expansionSearch` of the graph). More find more, and
   * take longer.
   */
  readonly expansion?: number | undefined
}

/** What {@link HnswIndex.search} returns. */
export interface HnswSearchResult extends DenseSearchResult {
  /**
   * Whether the hits are certain to be those of the exact search: so they are where all vectors that pass
   * the filter were scanned. If not, `min` and `max` are of the vectors that were scored: those found, and
   * 256 spread over all.
   */
  readonly rankSafe: boolean
  readonly stats: DenseSearchResult['stats'] & {
    /** What found the hits: the graph, or a scan of all vectors that pass the filter. */
    readonly strategy: 'hnsw' | 'flat'
  }
}

/** Options of {@link HnswIndex.measureOverlap}. */
export interface OverlapOptions extends TaskOptions {
  /** Queries like those to come (default: vectors of the index). */
  readonly queries?: readonly ArrayLike<number>[] | undefined
  /** Vectors of the index that are queries where none are given, from 1 (default 100). */
  readonly sampleSize?: number | undefined
  /** Hits that are compared, from 1 (default 10). */
  readonly k?: number | undefined
  /** Candidates kept by each search, 1 to 4096 (default: `expansionSearch` of the graph). */
  readonly expansion?: number | undefined
}

/**
 * A graph over the vectors of a `DenseIndex` (HNSW): a search looks at a few thousand of them instead of
 * all, and may miss some of the best. Scores are those of the `DenseIndex`, to the last bit: approximate is
 * which documents are hits. Made by {@link buildHnsw} or {@link HnswIndex.fromBytes}; needs Node and the
 * package `usearch`.
 */
export class HnswIndex {
  /** The vectors. */
  readonly dense: DenseIndex
  readonly settings: HnswSettings
  /**
   * How much of the exact hits the graph finds with its own `expansionSearch`: measured when it was built,
   * with vectors of the index as queries. Queries that are unlike all vectors may find less.
   */
  readonly measured: HnswOverlap
  readonly #graph: HnswGraph | undefined
  readonly #searcher: HnswSearcher

  /** @internal */
  constructor(
    dense: DenseIndex,
    graph: HnswGraph | undefined,
    settings: HnswSettings,
    measured: HnswOverlap
  ) {
    this.dense = dense
    this.settings = settings
    this.measured = measured
    this.#graph = graph
    this.#searcher = new HnswSearcher(dense.rows, dense.scan, graph, settings.connectivity)
  }

  /**
   * Opens what {@link HnswIndex.toBytes} gave. The bytes may be of any origin: checksums, counts and every
   * link are checked before native code sees them.
   *
   * @param dense - the index that it was built from, or one of the same vectors
   * @param place - what to call the bytes in an error message
   * @throws EsplanadeError `INDEX_CORRUPT` for bytes that are no graph, cut short or changed, and for the
   *   graph of other vectors; `INDEX_VERSION`; `RUNTIME_MISSING` without `usearch`; `FILE_UNWRITABLE`
   *   where the system's folder of temporary files is
   */
  static async fromBytes(bytes: Uint8Array, dense: DenseIndex, place?: string): Promise<HnswIndex> {
    const { settings, measured, links } = readHnswFile(bytes, dense.rows, place)
    const graph = await openGraph(dense.rows, settings, links, place)
    return new HnswIndex(dense, graph, settings, measured)
  }

  /** The graph without its vectors, as one self-describing file. */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    const links = (await this.#graph?.links()) ?? new Uint8Array()
    const { settings, measured } = this
    return writeHnswFile({ settings, measured, links }, this.dense.rows)
  }

  /** Number of documents. */
  get size(): number {
    return this.dense.size
  }

  /**
   * About the best documents for a query, with their true scores; as many as the exact search has.
   *
   * The graph knows no filters: it is asked for as many more vectors as the filter leaves out. Where few
   * pass, all of them are scanned instead, which is exact, and so they are where too few of those that it
   * finds pass.
   *
   * @throws EsplanadeError as `DenseIndex.search`
   */
  async search(
    query: ArrayLike<number>,
    options: HnswSearchOptions = {}
  ): Promise<HnswSearchResult> {
    const { expansion = this.settings.expansionSearch, ...rest } = options
    checkSetting('expansion', expansion, LIMITS.expansionSearch)
    const numBefore = rest.searchAfter?.rank ?? 0
    const { ranking, result } = this.dense.searchBy(query, rest, (vector, selection) =>
      this.#searcher.search(vector, selection, { expansion, numBefore })
    )
    const { strategy } = ranking
    return { ...result, rankSafe: strategy === 'flat', stats: { ...result.stats, strategy } }
  }

  /**
   * Overlap@k: the mean share of the k best of the exact search that the graph finds. With vectors of the
   * index as queries, each is left out of its own hits. A document whose score equals that of the k-th
   * counts as found in its place.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR`, `ABORTED`
   */
  async measureOverlap(options: OverlapOptions = {}): Promise<HnswOverlap> {
    const { queries, sampleSize = 100, k = 10 } = options
    const { expansion = this.settings.expansionSearch } = options
    checkSetting('k', k, [1, Number.MAX_SAFE_INTEGER])
    checkSetting('sampleSize', sampleSize, [1, Number.MAX_SAFE_INTEGER])
    checkSetting('expansion', expansion, LIMITS.expansionSearch)
    const { rows, scan, dimensions, metric } = this.dense
    const vectors = queries?.map((query, i) => {
      const vector = checkedDenseVector(query, dimensions, `query ${i}`)
      refuseZero(metric === 'cosine' && vector.every(value => value === 0), `query ${i}`)
      return vector
    })
    const measured = { k, expansion, queries: vectors ?? sampleSize }
    return measureOverlap(rows, scan, this.#searcher, measured, options)
  }
}

/**
 * Links the vectors of an index to a graph, and measures how much of the exact hits it finds. With one
 * thread this takes about a minute for 100,000 vectors of 384 numbers; the event loop has turns meanwhile.
 *
 * ```ts
 * const graph = await buildHnsw(denseIndex)
 * const { hits, rankSafe } = await graph.search(query, { k: 10 })
 * ```
 *
 * @throws EsplanadeError `RUNTIME_MISSING` where `usearch` is not installed, and in browsers;
 *   `INVALID_ARGUMENT` on an option; `ABORTED`; `RUNTIME_FAILED` where memory runs out
 */
export async function buildHnsw(dense: DenseIndex, options: HnswOptions = {}): Promise<HnswIndex> {
  const {
    connectivity = HNSW_DEFAULTS.connectivity,
    expansionAdd = HNSW_DEFAULTS.expansionAdd,
    expansionSearch = HNSW_DEFAULTS.expansionSearch
  } = options
  const settings = { connectivity, expansionAdd, expansionSearch }
  checkSetting('connectivity', connectivity, LIMITS.connectivity)
  checkSetting('expansionAdd', expansionAdd, LIMITS.expansionAdd)
  checkSetting('expansionSearch', expansionSearch, LIMITS.expansionSearch)
  checkedThreads(options.threads)
  const { rows, scan } = dense
  const graph = await buildGraph(rows, settings, options)
  const measured = await measureGraph(rows, scan, graph, settings, options.signal)
  return new HnswIndex(dense, graph, settings, measured)
}

function checkSetting(
  place: string,
  value: number,
  [least, most]: readonly [least: number, most: number]
): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given ${value}`,
    expected: `a whole number from ${least} to ${most}`
  })
}
