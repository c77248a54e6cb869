/**
 * Byte-pair encoding: of all neighbouring pieces of a word, the pair that stands highest in the list
 * of merges becomes one piece, the leftmost first, until no pair is in the list.
 * Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words with Subword Units, 2016.
 *
 * The candidates wait in a heap, so that a word of n pieces costs O(n log n), and a text without a
 * blank does no harm.
 */
export interface Merges {
  /** left id · 2^24 + right id → place in the list. */
  readonly rankOf: ReadonlyMap<number, number>
  /** Place in the list → the id of the merged piece. */
  readonly merged: Uint32Array
}

const MAX_IDS = 2 ** 24
const POSITIONS = 2 ** 32

/** The key of a pair in {@link Merges}. */
export function pairKey(left: number, right: number): number {
  return left * MAX_IDS + right
}

/**
 * Merges the pieces of a word in place.
 *
 * @param ids - the ids of its pieces, as long as `lengths`; afterwards those of the merged pieces
 * @param lengths - the length of each piece in any unit; afterwards those of the merged pieces
 */
export function mergePairs(ids: number[], lengths: number[], merges: Merges): void {
  const { rankOf, merged } = merges
  const size = ids.length
  const next = Int32Array.from(ids, (_, i) => (i + 1 < size ? i + 1 : -1))
  const previous = Int32Array.from(ids, (_, i) => i - 1)
  const heap = new NumberHeap() // rank · 2^32 + position: the order in which pairs are merged
  const offer = (position: number): void => {
    const right = next[position]!
    const rank = right < 0 ? undefined : rankOf.get(pairKey(ids[position]!, ids[right]!))
    if (rank !== undefined) heap.push(rank * POSITIONS + position)
  }
  for (let i = 0; i + 1 < size; i++) offer(i)
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const position = top % POSITIONS
    const right = next[position]!
    // The pair may have gone since it was offered: its pieces were merged with others.
    if (lengths[position] === 0 || right < 0) continue
    const rank = Math.floor(top / POSITIONS)
    if (rankOf.get(pairKey(ids[position]!, ids[right]!)) !== rank) continue
    ids[position] = merged[rank]!
    lengths[position]! += lengths[right]!
    lengths[right] = 0
    const after = next[right]!
    next[position] = after
    if (after >= 0) previous[after] = position
    offer(position)
    if (previous[position]! >= 0) offer(previous[position]!)
  }
  let kept = 0
  for (let i = 0; i < size; i++) {
    if (lengths[i] === 0) continue
    ids[kept] = ids[i]!
    lengths[kept++] = lengths[i]!
  }
  ids.length = kept
  lengths.length = kept
}

/** A binary heap with the smallest number on top. */
class NumberHeap {
  readonly #items: number[] = []

  push(item: number): void {
    const items = this.#items
    let index = items.push(item) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (items[parent]! <= item) break
      items[index] = items[parent]!
      index = parent
    }
    items[index] = item
  }

  pop(): number | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return top
    let index = 0
    for (let child = 1; child < items.length; child = 2 * index + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++
      if (items[child]! >= last) break
      items[index] = items[child]!
      index = child
    }
    items[index] = last
    return top
  }
}
