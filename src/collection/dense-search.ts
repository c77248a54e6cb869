import type { HnswRanking } from '../search/hnsw-searcher.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { GraphWalk } from './dense-strategy.ts'
import type { EntryHit, EntryPlace } from './entry-key.ts'
import { deltaFilter } from './entry-search.ts'
import type { DocumentScope } from './open-segment.ts'
import { searchParts } from './search-parts.ts'
import type { DenseSelection } from './segment-dense.ts'
import type { DeltaState, SegmentState, View } from './view.ts'

/** What is wanted of a dense search of a view. */
export interface DenseDocumentSelection {
  /** Documents at most, from 1. */
  readonly k: number
  readonly scope: DocumentScope
  readonly minScore: number
  /** Only documents that stand after this one, which has the score of its best passage. */
  readonly after?: EntryHit | undefined
  /** How graphs are walked, those that are open; undefined: all vectors are scanned. */
  readonly walk?: GraphWalk | undefined
}

/** What a dense search of a view found. */
export interface DenseEntryRanking {
  /** Documents, each by its best passage: score descending, then in the order they were written in. */
  readonly hits: readonly EntryHit[]
  /**
   * Smallest score of all vectors in the scope, those of all passages; 0 if there is none. Where a graph
   * was walked, of those that were scored, which are spread over all.
   */
  readonly min: number
  /** Largest score likewise. */
  readonly max: number
  /**
   * The score of the best passage of each of some live documents, whether in the scope or not; NaN for a
   * document without a dense vector.
   */
  scoresOf(seqs: readonly number[]): Float64Array
  readonly stats: {
    /** `'flat'`: all vectors in the scope were looked at; `'hnsw'`: of some segment, those of a walk. */
    readonly strategy: 'flat' | 'hnsw'
    /** Vectors that were looked at. */
    readonly numScanned: number
    /** Vectors whose float32 numbers were read. */
    readonly numScored: number
  }
}

/** How much deeper is looked where passages of k documents took too many places. */
const DEEPER = 4

/**
 * The best documents of a view for a dense query: exactly, by a look at every vector in the scope, or
 * about the best by walks through graphs.
 *
 * @param query - of the collection's dimensions, as `checkedDense` gives it
 */
export function searchDense(
  view: View,
  query: DenseVector,
  { k, scope, minScore, after, walk }: DenseDocumentSelection
): DenseEntryRanking {
  const parts = partsOf(view, scope, walk)
  const scoresOf = (seqs: readonly number[]): Float64Array => bestScores(parts, query, seqs)
  const { hasPassages } = view
  for (let depth = hasPassages ? 2 * k : k; ; depth *= DEEPER) {
    const found = searchAll(parts, query, { k: depth, minScore, after })
    const { entries, min, max, stats } = found
    const hits = hasPassages ? onePerDocument(parts, query, entries, after) : entries
    if (hits.length >= k || entries.length < depth) {
      return { hits: hits.slice(0, k), min, max, scoresOf, stats }
    }
  }
}

/**
 * Makes the graphs of a view ready to be walked: each is opened by the first search that asks for it.
 *
 * @throws EsplanadeError `RUNTIME_MISSING` without the package `usearch`; `COLLECTION_CORRUPT`
 */
export async function openGraphs({ segments }: View): Promise<void> {
  await Promise.all(segments.map(({ segment }) => segment.dense?.openGraph()))
}

/** A segment or a delta, as far as a dense search needs it. */
interface DensePart {
  /** Vectors, whether they count or not. */
  readonly numEntries: number
  search(query: DenseVector, selection: DenseSelection): HnswRanking
  /** The last entry that does not stand behind a place; −1 where all do. */
  entryAt(place: EntryPlace): number
  placeOf(entry: number): EntryPlace
  /** Whether a document would be here, were it there at all. */
  covers(seq: number): boolean
  /** The rows of a document's vectors, `[first, end)`. */
  rowsOf(seq: number): readonly [first: number, end: number]
  /** The scores of rows, in the order asked for. */
  scores(query: DenseVector, rows: Uint32Array): Float64Array
}

/** In the order in which their documents were written. */
function partsOf(view: View, scope: DocumentScope, walk: GraphWalk | undefined): DensePart[] {
  const filter = deltaFilter(scope)
  return [
    ...view.segments.flatMap(state => segmentPart(state, scope, walk)),
    ...view.deltas.map(state => deltaPart(state, view.commit, filter))
  ]
}

function segmentPart(
  { segment, live }: SegmentState,
  scope: DocumentScope,
  walk: GraphWalk | undefined
): DensePart[] {
  const { dense, seqs, record } = segment
  if (dense === undefined) return []
  return [
    {
      numEntries: dense.numVectors,
      search: (query, selection) => dense.search(query, selection, segment.bits(scope, live), walk),
      entryAt: ({ seq, passageIndex }) => seqs.entryAt(seq, passageIndex),
      placeOf: entry => seqs.placeOf(entry),
      covers: seq => seq >= record.firstSeq && seq <= record.lastSeq,
      rowsOf: seq => dense.rowsBetween(...seqs.entriesOf(seq)),
      scores: (query, rows) => dense.scores(query, rows)
    }
  ]
}

function deltaPart(
  { delta, numEntries }: DeltaState,
  commit: number,
  filter: ReturnType<typeof deltaFilter>
): DensePart {
  return {
    numEntries,
    search: (query, selection) => ({
      ...delta.searchDense(query, { ...selection, numEntries, commit, filter }),
      strategy: 'flat'
    }),
    entryAt: place => delta.entryAt(place),
    placeOf: entry => delta.placeOf(entry),
    covers: seq => delta.has(seq),
    rowsOf: seq => delta.denseRowsOf(seq),
    scores: (query, rows) => inAnyOrder(rows, ascending => delta.denseScores(query, ascending))
  }
}

/** Scores in the order of some rows, of one who takes them only if they ascend. */
function inAnyOrder(
  rows: Uint32Array,
  scoresOf: (ascending: Uint32Array) => Float64Array
): Float64Array {
  const order = Uint32Array.from(rows.keys()).sort((a, b) => rows[a]! - rows[b]!)
  const found = scoresOf(order.map(i => rows[i]!))
  const scores = new Float64Array(rows.length)
  for (let n = 0; n < order.length; n++) scores[order[n]!] = found[n]!
  return scores
}

/** The best entries of all parts. */
function searchAll(
  parts: readonly DensePart[],
  query: DenseVector,
  { k, minScore, after }: Omit<DenseDocumentSelection, 'scope'>
) {
  // By part: it may be searched twice.
  const rankings = new Map<DensePart, HnswRanking>()
  let numScored = 0
  const searched = parts.map(part => {
    const start = after && { entry: part.entryAt(after), score: after.score }
    return {
      numEntries: part.numEntries,
      search: (wanted: number, floor: number) => {
        const found = part.search(query, { k: wanted, minScore: floor, after: start })
        rankings.set(part, found)
        numScored += found.numScored
        return found
      },
      placeOf: (entry: number) => part.placeOf(entry)
    }
  })
  const entries = searchParts(searched, k, minScore)
  let [min, max, numScanned] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  let strategy: HnswRanking['strategy'] = 'flat'
  for (const found of rankings.values()) {
    if (found.strategy === 'hnsw') strategy = 'hnsw'
    if (found.numScanned === 0) continue
    min = Math.min(min, found.min)
    max = Math.max(max, found.max)
    numScanned += found.numScanned
  }
  const range = numScanned === 0 ? { min: 0, max: 0 } : { min, max }
  return { entries, ...range, stats: { strategy, numScanned, numScored } }
}

/** Of each document its first entry, unless its best one stands before this page. */
function onePerDocument(
  parts: readonly DensePart[],
  query: DenseVector,
  entries: readonly EntryHit[],
  after: EntryHit | undefined
): EntryHit[] {
  const best = new Map<number, EntryHit>()
  for (const hit of entries) if (!best.has(hit.seq)) best.set(hit.seq, hit)
  if (after === undefined) return [...best.values()]
  const scores = bestScores(parts, query, [...best.keys()])
  return [...best.values()].filter(({ seq }, i) => standsBehind({ seq, score: scores[i]! }, after))
}

/** The score of the best passage of each document; NaN where it has no vector. */
function bestScores(
  parts: readonly DensePart[],
  query: DenseVector,
  seqs: readonly number[]
): Float64Array {
  const best = new Float64Array(seqs.length).fill(Number.NaN)
  // By part: the rows of its documents, and whose they are.
  const rowsIn = parts.map((): number[] => [])
  const ownersIn = parts.map((): number[] => [])
  for (let i = 0; i < seqs.length; i++) {
    const at = parts.findIndex(part => part.covers(seqs[i]!))
    if (at < 0) continue
    const [first, end] = parts[at]!.rowsOf(seqs[i]!)
    for (let row = first; row < end; row++) {
      rowsIn[at]!.push(row)
      ownersIn[at]!.push(i)
    }
  }
  for (const [at, part] of parts.entries()) {
    const [rows, owners] = [rowsIn[at]!, ownersIn[at]!]
    if (rows.length === 0) continue
    const scores = part.scores(query, Uint32Array.from(rows))
    for (let n = 0; n < rows.length; n++) {
      const i = owners[n]!
      if (!(scores[n]! <= best[i]!)) best[i] = scores[n]!
    }
  }
  return best
}

function standsBehind(
  hit: Pick<EntryHit, 'seq' | 'score'>,
  other: Pick<EntryHit, 'seq' | 'score'>
): boolean {
  if (hit.score !== other.score) return hit.score < other.score
  return hit.seq > other.seq
}
