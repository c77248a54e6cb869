import { EsplanadeError } from '../errors.ts'

/**
 * BM25 as a product of two parts, so that it is a dot product of two sparse vectors: what a document
 * gives a term, and what a query gives it. Names and formulas follow Kamphuis, de Vries, Boytsov, Lin,
 * "Which BM25 Do You Mean?", ECIR 2020.
 *
 * - `lucene` (default): idf = ln(1 + (N − df + .5) / (df + .5)), tf / (tf + k1 · (1 − b + b · length /
 *   average)); Lucene since version 8, without its rounding of lengths.
 * - `robertson`: idf = ln((N − df + .5) / (df + .5)), 0 where that is negative; the same tf. Robertson and
 *   Walker, SIGIR 1994.
 * - `bm25+`: idf = ln((N + 1) / df), (k1 + 1) · tf / (…) + delta for each term that a document has, so
 *   that a long document that has a term is above one that lacks it. Lv and Zhai, CIKM 2011.
 */
export type Bm25Variant = 'lucene' | 'robertson' | 'bm25+'

/** Parameters of BM25. */
export interface Bm25Options {
  /** Default `'lucene'`. */
  readonly variant?: Bm25Variant
  /** How soon more of the same word stops to count; a number from 0, default 1.2. */
  readonly k1?: number
  /** How far the length of a document counts: 0 (not at all) to 1; default 0.75. */
  readonly b?: number
  /** Of `bm25+` only: a number from 0, default 1. */
  readonly delta?: number
}

/** Parameters, each with a value. */
export type Bm25 = Required<Bm25Options>

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function bm25(options: Bm25Options = {}): Bm25 {
  const { variant = 'lucene', k1 = 1.2, b = 0.75, delta = 1 } = options
  if (variant !== 'lucene' && variant !== 'robertson' && variant !== 'bm25+') {
    refuse('variant', variant, 'lucene, robertson or bm25+')
  }
  if (!(k1 >= 0 && Number.isFinite(k1))) refuse('k1', k1, 'a number from 0')
  if (!(b >= 0 && b <= 1)) refuse('b', b, 'a number from 0 to 1')
  if (!(delta >= 0 && Number.isFinite(delta))) refuse('delta', delta, 'a number from 0')
  return { variant, k1, b, delta }
}

/**
 * What a document gives a term.
 *
 * @param count - how often the term stands in it, from 1
 * @param length - words of the document
 * @param averageLength - words of a document of the collection, on average
 */
export function bm25Weight(
  { variant, k1, b, delta }: Bm25,
  count: number,
  length: number,
  averageLength: number
): number {
  const saturation = k1 * (1 - b + (b * length) / averageLength)
  if (variant === 'bm25+') return ((k1 + 1) * count) / (saturation + count) + delta
  return count / (saturation + count)
}

/**
 * What a query gives a term for each time that it stands in it.
 *
 * @param documentFrequency - documents that have the term, from 0
 */
export function bm25Idf(
  { variant }: Pick<Bm25, 'variant'>,
  numDocuments: number,
  documentFrequency: number
): number {
  const odds = (numDocuments - documentFrequency + 0.5) / (documentFrequency + 0.5)
  if (variant === 'robertson') return Math.max(0, Math.log(odds))
  if (variant === 'bm25+') {
    return documentFrequency === 0 ? 0 : Math.log((numDocuments + 1) / documentFrequency)
  }
  return Math.log1p(odds)
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `${JSON.stringify(given)} does not go`,
    expected
  })
}
