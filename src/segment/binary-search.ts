/**
 * Position of `value` in `sorted[from..to)`, which is strictly ascending, or −1 where it is absent.
 */
export function binarySearch(
  sorted: Uint32Array | Uint16Array,
  value: number,
  from = 0,
  to: number = sorted.length
): number {
  let low = from
  let high = to
  while (low < high) {
    // Positions reach 2^32 − 1, so their sum may not be halved by a 32-bit shift.
    const middle = low + Math.floor((high - low) / 2)
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low < to && sorted[low] === value ? low : -1
}
