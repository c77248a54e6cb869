import { EsplanadeError } from '../errors.ts'
import type { QueryParts } from './collection-query.ts'
import type { CollectionSettings } from './settings.ts'

/**
 * What a query is compared by.
 *
 * - `'sparse'`: the terms of the model.
 * - `'bm25'`: the words. The score is BM25's; no model is loaded.
 * - `'combined'`: both, in one vector. The score is that of the model plus `beta` times BM25.
 * - `'dense'`: the dense vectors.
 * - `'hybrid'`: all lists that the collection has, each searched by itself, then fused.
 */
export type SearchMode = 'sparse' | 'bm25' | 'combined' | 'dense' | 'hybrid'

/** A mode that compares one sparse vector. */
export type SparseMode = Exclude<SearchMode, 'dense' | 'hybrid'>

/** A ranking that the mode `'hybrid'` fuses: by the terms of the model, dense vectors, or words. */
export type ListName = 'sparse' | 'dense' | 'bm25'

const SEARCH_MODES: readonly SearchMode[] = ['sparse', 'bm25', 'combined', 'dense', 'hybrid']

/** In the order in which they are fused. */
export const LIST_NAMES: readonly ListName[] = ['sparse', 'dense', 'bm25']

/** The lists that a collection has, in the order in which they are fused. */
function listsOf({ model, dense, lexical }: CollectionSettings): ListName[] {
  return [
    // Where there are no words either, the vectors that were given are what is searched.
    ...(model !== undefined || lexical === undefined ? (['sparse'] as const) : []),
    ...(dense === undefined ? [] : (['dense'] as const)),
    ...(lexical === undefined ? [] : (['bm25'] as const))
  ]
}

/** The lists that can be made of a query: of a text all, of ready vectors those that they are for. */
export function listsOfQuery(
  { text, sparse, dense }: QueryParts,
  settings: CollectionSettings
): ListName[] {
  const lists = text === undefined ? [] : listsOf(settings)
  const isThere = (name: ListName): boolean =>
    lists.includes(name) ||
    (name === 'sparse' && sparse !== undefined) ||
    (name === 'dense' && dense !== undefined)
  return LIST_NAMES.filter(isThere)
}

/**
 * The mode of a search that names none: `'hybrid'` where the query has, or gets of the collection's
 * models, a dense vector and what another list needs; else all that there is in one vector.
 */
export function modeOf(
  mode: SearchMode | undefined,
  settings: CollectionSettings,
  parts: QueryParts
): SearchMode {
  if (mode !== undefined) return mode
  const { text, dense } = parts
  const hasDense =
    dense !== undefined || (text !== undefined && settings.dense?.model !== undefined)
  if (!hasDense) return sparseModeOf(settings, parts)
  const others = listsOfQuery(parts, settings).filter(name => name !== 'dense')
  const canBeMade = others.some(name => name === 'bm25' || parts.sparse || settings.model)
  return canBeMade ? 'hybrid' : 'dense'
}

/** The mode of a search that names none and compares one sparse vector. */
export function sparseModeOf(
  { model, lexical }: CollectionSettings,
  { text, sparse, isBare }: QueryParts
): SparseMode {
  if (lexical === undefined || (text === undefined && !isBare)) return 'sparse'
  return model === undefined && sparse === undefined ? 'bm25' : 'combined'
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkMode(mode: SearchMode | undefined, settings: CollectionSettings): void {
  if (mode === undefined || mode === 'sparse') return
  if (!SEARCH_MODES.includes(mode)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'mode',
      problem: `given ${String(mode)}`,
      expected: SEARCH_MODES.join(', ')
    })
  }
  const lists = listsOf(settings)
  if (mode === 'hybrid') {
    if (lists.length > 1) return
    throw lacking(
      `given hybrid, and the collection has one list only: ${lists[0]}`,
      lists[0] === 'dense' ? WITH_WORDS : `${WITH_WORDS}, or dense vectors, ${WITH_DENSE}`
    )
  }
  if (mode === 'dense') {
    if (settings.dense !== undefined) return
    throw lacking('given dense, and the collection was made without dense vectors', WITH_DENSE)
  }
  if (settings.lexical !== undefined) return
  throw lacking(`given ${mode}, and the collection was made without lexical terms`, WITH_WORDS)
}

/** @throws EsplanadeError `INVALID_ARGUMENT` for a mode that compares more than one sparse vector */
export function checkSparseMode(mode: SearchMode | undefined, settings: CollectionSettings): void {
  checkMode(mode, settings)
  if (mode !== 'dense' && mode !== 'hybrid') return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'mode',
    problem: `given ${mode}, whose queries are no sparse vector`,
    expected: 'sparse, bm25 or combined'
  })
}

const WITH_WORDS = 'open(directory, { lexical: true })'
const WITH_DENSE =
  "open(directory, { denseModel: 'sentence-transformers/all-MiniLM-L6-v2' }), or { dense: { dimensions: 384 } } for vectors of your own"

function lacking(problem: string, how: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: 'mode',
    problem,
    remedy: `Make one with them: ${how}`
  })
}
