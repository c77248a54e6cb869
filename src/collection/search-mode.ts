import { EsplanadeError } from '../errors.ts'
import type { CollectionSettings } from './settings.ts'

/**
 * What a query is compared by.
 *
 * - `'sparse'`: the terms of the model.
 * - `'bm25'`: the words. The score is BM25's; no model is loaded.
 * - `'combined'`: both, in one vector. The score is that of the model plus `beta` times BM25.
 */
export type SearchMode = 'sparse' | 'bm25' | 'combined'

const SEARCH_MODES: readonly SearchMode[] = ['sparse', 'bm25', 'combined']

/** The mode of a search that names none. */
export function modeOf(mode: SearchMode | undefined, settings: CollectionSettings): SearchMode {
  if (mode !== undefined) return mode
  if (settings.lexical === undefined) return 'sparse'
  return settings.model === undefined ? 'bm25' : 'combined'
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
  if (settings.lexical !== undefined) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'mode',
    problem: `given ${mode}, and the collection was made without lexical terms`,
    expected: 'sparse',
    remedy: 'Make one with them: open(directory, { lexical: true })'
  })
}
