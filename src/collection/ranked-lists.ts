import type { FusionList } from '../fusion/fusion-list.ts'
import type { HybridList } from './hybrid-search.ts'
import type { View } from './view.ts'

/**
 * The keys of documents by their numbers. To read them of three lists of 1,000 hits takes longer than to
 * search these, and queries share many of their hits; so each is read once.
 */
export class DocumentKeys {
  readonly #view: View
  readonly #keys = new Map<number, string>()

  constructor(view: View) {
    this.#view = view
  }

  of(seq: number): string {
    let key = this.#keys.get(seq)
    if (key === undefined) {
      ;({ key } = this.#view.store.document(seq)!)
      this.#keys.set(seq, key)
    }
    return key
  }
}

/** Lists by number as lists by key. */
export function listsByKey(
  lists: readonly HybridList[],
  keys: DocumentKeys,
  namespace: string,
  view: View
): FusionList[] {
  const seqs = new Map<string, number>()
  return lists.map(({ name, weight, missing, list }) => {
    const hits = list.hits.map(({ key: seq, score, rank }) => {
      const key = keys.of(seq)
      seqs.set(key, seq)
      return { key, score, rank }
    })
    const seqOf = (key: string) => seqs.get(key) ?? view.store.seqOf(namespace, key)
    return {
      name,
      weight,
      missing,
      list: {
        hits,
        get min() {
          return list.min
        },
        max: list.max,
        // A document that is not there matches nothing.
        scoresOf: wanted => {
          const found = wanted.map(seqOf)
          const scores = list.scoresOf(found.filter(seq => seq !== undefined))
          let at = 0
          return Float64Array.from(found, seq => (seq === undefined ? 0 : scores[at++]!))
        }
      }
    }
  })
}
