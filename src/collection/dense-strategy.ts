import { EsplanadeError } from '../errors.ts'
import { LIMITS } from '../search/hnsw-format.ts'
import type { DenseSettings } from './dense-settings.ts'

/**
 * How dense vectors are searched.
 *
 * - `'exact'`: all that pass the filter are scanned.
 * - `'hnsw'`: the graphs of the collection are walked where that is faster; some of the best documents may
 *   be missed. `expansion`, 1 to 4096, is how many candidates are kept on the way (default 64).
 */
export type DenseStrategy =
  | 'exact'
  | 'hnsw'
  | { readonly name: 'hnsw'; readonly expansion?: number | undefined }

/** How graphs are walked. */
export interface GraphWalk {
  /** Candidates that are kept; undefined: as the graph was made for. */
  readonly expansion: number | undefined
}

/**
 * How the graphs of a collection are walked; undefined where all vectors are scanned.
 *
 * @param strategy - default: `'hnsw'` where the collection keeps graphs, else `'exact'`
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function graphWalk(
  strategy: DenseStrategy | undefined,
  settings: DenseSettings | undefined
): GraphWalk | undefined {
  const hasGraphs = settings?.index === 'hnsw'
  if (strategy === 'exact' || (strategy === undefined && !hasGraphs)) return undefined
  const { name, expansion } =
    typeof strategy === 'object' && strategy !== null
      ? strategy
      : { name: strategy ?? 'hnsw', expansion: undefined }
  if (name !== 'hnsw') refuse(`given ${JSON.stringify(strategy)}`, "'exact' or 'hnsw'")
  if (!hasGraphs) {
    refuse(
      'given hnsw, and the collection keeps no graphs',
      "a collection made with them: open(directory, { dense: { index: 'hnsw' } })"
    )
  }
  const [least, most] = LIMITS.expansionSearch
  if (
    expansion !== undefined &&
    !(Number.isInteger(expansion) && expansion >= least && expansion <= most)
  ) {
    refuse(`expansion ${expansion}`, `a whole number from ${least} to ${most}`)
  }
  return { expansion }
}

function refuse(problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place: 'denseStrategy', problem, expected })
}
