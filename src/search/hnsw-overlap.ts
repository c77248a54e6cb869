import type { TaskOptions } from '../progress.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { DenseRows } from './dense-rows.ts'
import type { DenseRanking, FlatScan } from './flat-scan.ts'
import type { HnswOverlap } from './hnsw-format.ts'
import type { HnswSearcher } from './hnsw-searcher.ts'
import { checkSignal } from './search-options.ts'

/** What is measured. */
export interface OverlapSample {
  /** Hits that are compared. */
  readonly k: number
  /** Candidates kept by each search. */
  readonly expansion: number
  /** The queries, or how many rows are queries. */
  readonly queries: readonly DenseVector[] | number
}

/**
 * The mean share of the k best rows of the scan that the graph finds. A row that is a query is no hit of
 * itself, as finding it shows nothing. A row whose score equals that of the k-th counts as found in its
 * place.
 *
 * @throws EsplanadeError `ABORTED`
 */
export async function measureOverlap(
  rows: DenseRows,
  scan: FlatScan,
  searcher: HnswSearcher,
  { k, expansion, queries }: OverlapSample,
  { signal, onProgress }: TaskOptions = {}
): Promise<HnswOverlap> {
  const samples =
    typeof queries === 'number'
      ? spreadRows(rows, queries)
      : queries.map(query => ({ query, own: undefined }))
  let found = 0
  for (const [i, { query, own }] of samples.entries()) {
    checkSignal(signal)
    const selection = {
      k: own === undefined ? k : k + 1,
      filter: undefined,
      minScore: Number.NEGATIVE_INFINITY,
      after: undefined
    }
    const best = othersOf(scan.search(query, selection), own).slice(0, k)
    const last = best.at(-1) ?? 0
    const ranking = searcher.search(query, selection, { expansion, numBefore: 0 })
    const numFound = othersOf(ranking, own).filter((score, n) => n < k && score >= last).length
    found += best.length === 0 ? 1 : numFound / best.length
    await new Promise(resolve => setTimeout(resolve))
    onProgress?.({ done: i + 1, total: samples.length })
  }
  const sampleSize = samples.length
  return { k, overlap: sampleSize === 0 ? 1 : found / sampleSize, sampleSize }
}

/** A query, and which row it is, if it is one. */
interface Sample {
  readonly query: DenseVector
  readonly own: number | undefined
}

function spreadRows(rows: DenseRows, sampleSize: number): Sample[] {
  const { numVectors } = rows.header
  const length = Math.min(sampleSize, numVectors)
  return Array.from({ length }, (_, i) => {
    const own = Math.floor((i * numVectors) / length)
    return { query: rows.vector(own).slice(), own }
  })
}

function othersOf({ ids, scores }: DenseRanking, own: number | undefined): number[] {
  return scores.filter((_, i) => ids[i] !== own)
}
