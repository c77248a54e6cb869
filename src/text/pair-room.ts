/**
 * How many tokens are kept of each of two texts that are too long together, as the strategy
 * `longest_first` of the Rust library `tokenizers` (0.22) has it: the longer text loses its end; if the
 * shorter one alone takes more than half of the room, each gets half, the longer one the odd token.
 *
 * @param room - tokens that there is room for, special tokens not counted
 */
export function longestFirst(
  numFirst: number,
  numSecond: number,
  room: number
): readonly [first: number, second: number] {
  if (numFirst + numSecond <= room) return [numFirst, numSecond]
  const shorter = Math.min(numFirst, numSecond)
  const half = Math.floor(room / 2)
  const kept =
    shorter <= half ? ([shorter, room - shorter] as const) : ([half, room - half] as const)
  return numFirst <= numSecond ? kept : [kept[1], kept[0]]
}
