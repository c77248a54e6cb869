import { EsplanadeError } from '../errors.ts'

/**
 * What an approximate index of dense vectors must do: a graph in which near points are linked, so that a
 * search walks from point to point towards the query and looks at few of them (Malkov and Yashunin,
 * "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World
 * graphs", IEEE TPAMI 2020). The platform hands in who makes such graphs.
 */
export interface HnswGraph {
  /**
   * Adds points and links them. The call returns when all are in.
   *
   * @param first - number of the first of them; all points are numbered from 0, without gaps
   * @param points - one after the other; may be changed
   * @param numThreads - with more than one the links depend on which thread was first
   */
  add(first: number, points: Float32Array, numThreads: number): void
  /**
   * Numbers of the points that a search finds near, in any order; `count` of them if there are.
   *
   * @param count - also how many candidates the search keeps: the more, the more it finds
   */
  nearest(point: Float32Array, count: number): Uint32Array
  /** The links of all points, without the points. */
  links(): Promise<Uint8Array>
}

/** What a graph is made with. */
export interface GraphShape {
  readonly numPoints: number
  /** Numbers of a point. */
  readonly dimensions: number
  /**
   * Which points are near: those of a large dot product, all being of length 1, or those of a small
   * distance.
   */
  readonly nearness: 'dot' | 'distance'
  /** Links of a point on each upper level; on the lowest there are twice as many. */
  readonly connectivity: number
  /** Candidates that are kept while a point is added. */
  readonly expansionAdd: number
}

/** Makes graphs. */
export interface HnswLibrary {
  /** @throws EsplanadeError `RUNTIME_FAILED` */
  create(shape: GraphShape): HnswGraph
  /**
   * A graph by its links.
   *
   * @param links - of whatever origin: they are checked before native code sees them
   * @param pointsOf - the points of these numbers; may be changed
   * @param place - what to call the links in an error message
   * @throws EsplanadeError `INDEX_CORRUPT`, `INDEX_VERSION`, `RUNTIME_FAILED`, `FILE_UNWRITABLE`
   */
  open(
    shape: GraphShape,
    links: Uint8Array,
    pointsOf: (numbers: Uint32Array) => Float32Array,
    place: string | undefined
  ): Promise<HnswGraph>
}

let load: (() => Promise<HnswLibrary>) | undefined

/** The platform's library, handed in by an entry point; loaded when first asked for. */
export function provideHnsw(loader: () => Promise<HnswLibrary>): void {
  load = loader
}

/** @throws EsplanadeError `RUNTIME_MISSING` where the library is not installed, and in browsers */
export async function hnswLibrary(): Promise<HnswLibrary> {
  if (load !== undefined) return load()
  throw new EsplanadeError('RUNTIME_MISSING', {
    problem: 'this platform has no HNSW: it is native code (the package usearch), for Node alone',
    remedy: 'Search exactly: DenseIndex.search needs nothing but WebAssembly'
  })
}
