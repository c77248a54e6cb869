import { EsplanadeError } from '../errors.ts'
import { dbsf } from './dbsf.ts'
import { minMax } from './min-max.ts'
import type { ScoredList } from './scored-list.ts'
import { zScore } from './z-score.ts'

/** A list's scores made comparable with another list's. */
export type Normalize = (score: number) => number

/** How the scores of a list are made comparable; `'none'` takes them as they are. */
export type Normalization = 'min-max' | 'z-score' | 'dbsf' | 'none'

/** The normalisations by name; each says what it needs of a list. */
export const NORMALIZATIONS: Readonly<
  Record<Normalization, (list: ScoredList, depth: number) => Normalize>
> = {
  'min-max': minMax,
  'z-score': zScore,
  dbsf,
  none: () => score => score
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkNormalization(name: string): asserts name is Normalization {
  if (Object.hasOwn(NORMALIZATIONS, name)) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'normalization',
    problem: `there is no normalisation ${JSON.stringify(name)}`,
    expected: Object.keys(NORMALIZATIONS).join(', ')
  })
}
