import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { checkedDense, type DenseSettings } from './dense-settings.ts'
import { packDense } from './passage-dense.ts'

/** A passage that may bring a dense vector. */
interface GivenPassage {
  readonly start: number
  readonly end: number
  readonly dense?: ArrayLike<number>
}

/** What a passage gives for the dense search: its vector, a text that is to be encoded, or nothing. */
export type DensePassage = DenseVector | string | undefined

/**
 * What the passages of a document give for the dense search. A vector of the whole document counts as
 * that of its first passage; then no text of it is encoded.
 *
 * @param place - what to call the document in a message: `document 3`
 * @param spans - its passages
 * @param settings - undefined where dense vectors are kept and not searched
 * @returns one a passage; undefined where none gives anything
 * @throws EsplanadeError `INVALID_VECTOR`, `INVALID_ARGUMENT`
 */
export function densePassages(
  given: { readonly dense?: ArrayLike<number>; readonly text?: string },
  place: string,
  spans: readonly GivenPassage[],
  settings: DenseSettings | undefined
): readonly DensePassage[] | undefined {
  const { dense, text = '' } = given
  const own = spans.findIndex(span => span.dense !== undefined)
  if (own >= 0) refuseOwn(dense, settings, place, `${place}: passages[${own}].dense`)
  if (dense !== undefined) {
    const whole = `${place}: dense`
    const vector = settings ? checkedDense(dense, settings, whole) : keptDense(dense, whole)
    return spans.map((_, i) => (i === 0 ? vector : undefined))
  }
  const hasModel = settings?.model !== undefined
  if (own < 0 && !hasModel) return undefined
  const passages = spans.map((span, i): DensePassage => {
    if (span.dense !== undefined) {
      return checkedDense(span.dense, settings!, `${place}: passages[${i}].dense`)
    }
    const part = hasModel ? text.slice(span.start, span.end) : ''
    return part.trim() === '' ? undefined : part
  })
  return passages.every(part => part === undefined) ? undefined : passages
}

/** Refuses a vector of a passage where it could not be kept as such. */
function refuseOwn(
  dense: ArrayLike<number> | undefined,
  settings: DenseSettings | undefined,
  place: string,
  ownPlace: string
): void {
  if (dense !== undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place,
      problem: 'a dense vector of the document and one of a passage',
      expected: 'one of the two'
    })
  }
  if (settings === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: ownPlace,
      problem: 'the collection was not made for dense vectors of passages',
      expected: 'a dense vector of the whole document, which is kept and not searched',
      remedy: 'Make the collection with { dense: { dimensions } }'
    })
  }
}

/** A vector of a collection that does not search it. */
function keptDense(given: ArrayLike<number>, place: string): DenseVector {
  const dense = Float32Array.from(given)
  if (dense.length > 0 && dense.every(Number.isFinite)) return dense
  throw new EsplanadeError('INVALID_VECTOR', {
    place,
    problem: dense.length === 0 ? 'it is empty' : 'it holds a value that is no finite number',
    expected: 'finite numbers'
  })
}

/** The texts that are to be encoded. */
export function denseTexts(passages: readonly DensePassage[] | undefined): string[] {
  return passages?.filter(part => typeof part === 'string') ?? []
}

/**
 * The dense vectors of a document as they are stored, with those of the model in the places of the texts.
 *
 * @param place - what to call the document in a message
 * @throws EsplanadeError `INVALID_VECTOR` where the model gave numbers that are none
 */
export function storedDense(
  passages: readonly DensePassage[] | undefined,
  nextVector: () => DenseVector,
  place: string,
  settings: DenseSettings | undefined
): Float32Array | undefined {
  if (passages === undefined) return undefined
  return packDense(
    passages.map(part => {
      if (typeof part !== 'string') return part
      const vector = nextVector()
      // What has no direction has no cosine with anything.
      const isNothing = settings!.metric === 'cosine' && vector.every(value => value === 0)
      return isNothing ? undefined : checkedDense(vector, settings!, place)
    })
  )
}
