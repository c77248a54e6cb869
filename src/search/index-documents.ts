import { EsplanadeError } from '../errors.ts'
import { documentRecord } from '../segment/forward-index.ts'
import { quoteKey } from '../segment/keys.ts'
import type { Segment } from '../segment/segment.ts'
import { type LookedUpQuery, scoreOf } from './query-terms.ts'

/**
 * The documents of all segments of an index. A document's place is its number in insertion order; its
 * segment counts anew from 0.
 */
export class IndexDocuments {
  /** Documents in all. */
  readonly size: number
  readonly #segments: readonly Segment[]
  /** The place of each segment's first document. */
  readonly #firsts: readonly number[]
  #placeOf: ReadonlyMap<string, number> | undefined

  constructor(segments: readonly Segment[]) {
    const firsts: number[] = []
    let size = 0
    for (const { header } of segments) {
      firsts.push(size)
      size += header.numDocuments
    }
    this.size = size
    this.#segments = segments
    this.#firsts = firsts
  }

  /** All keys by place. */
  *keys(): Generator<string, void, undefined> {
    for (const segment of this.#segments) {
      for (let id = 0; id < segment.header.numDocuments; id++) yield segment.key(id)
    }
  }

  /** The keys of these places. */
  keysOf(places: readonly number[]): string[] {
    if (this.#segments.length === 1) return this.#segments[0]!.keysOf(places)
    return places.map(place => {
      const { segment, id } = this.#segmentOf(place)
      return segment.key(id)
    })
  }

  /** Whether a document has this key. */
  has(key: string): boolean {
    return this.#places().has(key)
  }

  /** @throws EsplanadeError `KEY_NOT_FOUND` */
  place(key: string): number {
    const place = this.#places().get(key)
    if (place !== undefined) return place
    throw new EsplanadeError('KEY_NOT_FOUND', {
      problem: `no document has the key ${quoteKey(String(key))}`,
      expected: `one of the ${this.size} keys of the index`
    })
  }

  /** The segment of a document, and its document id there. */
  locate(place: number): { segment: Segment; docId: number } {
    const { segment, id } = this.#segmentOf(place)
    return { segment, docId: segment.docId(id) }
  }

  /** The exact score of one document; 0 if it matches no term. */
  score(query: LookedUpQuery, place: number): number {
    const { segment, docId } = this.locate(place)
    return scoreOf(query, documentRecord(segment, docId), segment.header.metric)
  }

  /** The exact scores of documents by their keys. @throws EsplanadeError `KEY_NOT_FOUND` */
  scores(query: LookedUpQuery, keys: readonly string[]): Float64Array {
    return Float64Array.from(keys, key => this.score(query, this.place(key)))
  }

  #segmentOf(place: number): { segment: Segment; id: number } {
    let at = this.#segments.length - 1
    while (this.#firsts[at]! > place) at--
    return { segment: this.#segments[at]!, id: place - this.#firsts[at]! }
  }

  #places(): ReadonlyMap<string, number> {
    if (this.#placeOf === undefined) {
      const places = new Map<string, number>()
      let place = 0
      for (const key of this.keys()) places.set(key, place++)
      this.#placeOf = places
    }
    return this.#placeOf
  }
}
