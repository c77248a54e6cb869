import type { DenseVector } from '../vector/dense-vector.ts'
import { Collector, type Selection } from './collector.ts'
import type { DenseRows } from './dense-rows.ts'
import { hasBit } from './document-bits.ts'
import type { DenseRanking, FlatScan } from './flat-scan.ts'
import type { HnswGraph } from './hnsw-graph.ts'
import { HnswPoints } from './hnsw-points.ts'

/** What was found, and how: by the graph, or by a scan, which is exact. */
export interface HnswRanking extends DenseRanking {
  readonly strategy: 'hnsw' | 'flat'
}

/** How far a walk looks. */
export interface Beam {
  /** Candidates kept on the way. */
  readonly expansion: number
  /** Hits on the pages before, which it must get past. */
  readonly numBefore: number
}

/** Rows spread over all that are scored in any case: the smallest score is estimated by them. */
const SPREAD_ROWS = 256

/**
 * Finds about the best rows by a graph, and scores them as the scan does.
 *
 * The graph knows no filters: it is asked for as many more rows as the filter leaves out. It looks at up
 * to 2 · connectivity links of each row that it keeps; where no more rows than that pass the filter, all
 * of them are scanned, and so they are where too few of those that it found pass, and where the query tells
 * it nothing. So there are always as many hits as the scan has.
 */
export class HnswSearcher {
  readonly #scan: FlatScan
  readonly #graph: HnswGraph | undefined
  readonly #connectivity: number
  readonly #points: HnswPoints
  readonly #numRows: number
  readonly #spread: Uint32Array

  /** @param graph - none where there are no rows */
  constructor(rows: DenseRows, scan: FlatScan, graph: HnswGraph | undefined, connectivity: number) {
    this.#scan = scan
    this.#graph = graph
    this.#connectivity = connectivity
    this.#points = new HnswPoints(rows)
    this.#numRows = rows.header.numVectors
    const step = Math.max(1, Math.ceil(this.#numRows / SPREAD_ROWS))
    const numSpread = Math.ceil(this.#numRows / step)
    this.#spread = Uint32Array.from({ length: numSpread }, (_, i) => i * step)
  }

  /** @param query - as for {@link FlatScan.search} */
  search(query: DenseVector, selection: Selection, beam: Beam): HnswRanking {
    const walked = this.#walk(query, selection, beam)
    return walked ?? { ...this.#scan.search(query, selection), strategy: 'flat' }
  }

  /** Undefined where a scan is due. */
  #walk(
    query: DenseVector,
    selection: Selection,
    { expansion, numBefore }: Beam
  ): HnswRanking | undefined {
    const { filter } = selection
    const numPassing = filter?.size ?? this.#numRows
    const numWanted = Math.min(selection.k + numBefore, numPassing)
    const numKept = Math.ceil((Math.max(expansion, numWanted) * this.#numRows) / numPassing)
    if (!(numPassing > numKept * 2 * this.#connectivity)) return undefined
    const point = this.#points.query(query)
    const found = point && this.#graph?.nearest(point, numKept)
    if (found === undefined) return undefined
    const passes = (id: number): boolean => filter === undefined || hasBit(filter.bits, id)
    const passing = found.filter(passes)
    if (passing.length < numWanted) return undefined
    const rows = Uint32Array.from(new Set([...passing, ...this.#spread.filter(passes)]))
    return this.#rank(query, rows, selection)
  }

  #rank(query: DenseVector, rows: Uint32Array, selection: Selection): HnswRanking {
    const scores = this.#scan.scores(query, rows)
    const collector = new Collector(selection)
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    for (let i = 0; i < rows.length; i++) {
      const score = scores[i]!
      if (score < min) min = score
      if (score > max) max = score
      collector.collect(rows[i]!, score)
    }
    const { ids, scores: best } = collector.finish()
    const numScored = rows.length
    return { ids, scores: best, min, max, numScanned: numScored, numScored, strategy: 'hnsw' }
  }
}
