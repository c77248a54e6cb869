/**
 * Reads bitmaps in the portable format of Roaring (Lemire et al., "Roaring Bitmaps: Implementation of
 * an Optimized Software Library", 2018; the layout is in RoaringFormatSpec of the project) where they
 * lie in a file.
 *
 * Files are written by the library roaring-wasm. They are not read by it, for two reasons. It would
 * first copy a bitmap into its own memory and then give its members out one by one: for half of a
 * million documents that took 4 ms, and the words below 0.1 ms. And it believes the order within a
 * container, so that a forged file would have it give wrong sizes or worse.
 */

const COOKIE = 12346
const COOKIE_WITH_RUNS = 12347

/** Containers of more members are bits, unless they are runs. */
const MAX_ARRAY = 4096
const BITMAP_BYTES = 8192

/** The members of one bitmap with the same upper 16 bits. */
interface Container {
  readonly kind: 'array' | 'bitmap' | 'runs'
  /** The first document that could be in it. */
  readonly first: number
  readonly cardinality: number
  /** Where its values begin. */
  readonly at: number
  readonly end: number
}

/** Says that the bytes are no bitmap; never returns. */
type Refuse = (problem: string) => never

/**
 * The containers of the bitmap that begins at byte `start`.
 *
 * @param end - where the bytes end at the latest; nothing behind it is read
 */
function containersOf(bytes: Uint8Array, start: number, end: number, refuse: Refuse): Container[] {
  let at = start
  const take = (length: number): number => {
    if (length > end - at) refuse('a bitmap that goes on behind its end')
    at += length
    return at - length
  }
  const cookie = u32(bytes, take(4))
  const hasRuns = (cookie & 0xffff) === COOKIE_WITH_RUNS
  if (!hasRuns && cookie !== COOKIE) refuse(`a bitmap of the kind ${cookie}`)
  const count = hasRuns ? (cookie >>> 16) + 1 : u32(bytes, take(4))
  if (count === 0 || count > 65_536) refuse(`a bitmap of ${count} containers`)
  const flags = take(hasRuns ? (count + 7) >>> 3 : 0)
  const heads = take(4 * count)
  const hasOffsets = !hasRuns || count >= 4
  const offsets = take(hasOffsets ? 4 * count : 0)
  const containers: Container[] = []
  let previous = -1
  for (let i = 0; i < count; i++) {
    const key = u16(bytes, heads + 4 * i)
    if (key <= previous) refuse('containers that are not ascending')
    if (hasOffsets && u32(bytes, offsets + 4 * i) !== at - start) refuse('a container elsewhere')
    previous = key
    const cardinality = u16(bytes, heads + 4 * i + 2) + 1
    const isRuns = hasRuns && (bytes[flags + (i >>> 3)]! & (1 << (i & 7))) !== 0
    const kind = isRuns ? 'runs' : cardinality <= MAX_ARRAY ? 'array' : 'bitmap'
    const length =
      kind === 'runs' ? 4 * u16(bytes, take(2)) : kind === 'array' ? 2 * cardinality : BITMAP_BYTES
    const place = take(length)
    containers.push({ kind, first: key * 65_536, cardinality, at: place, end: at })
  }
  for (let rest = at; rest < end; rest++) if (bytes[rest] !== 0) refuse('bytes behind a bitmap')
  if (end - at > 3) refuse('bytes behind a bitmap')
  return containers
}

/**
 * Lists the members of a bitmap, and checks all that it says.
 *
 * @param list - has room for `numDocuments`
 * @returns how many there are; they are ascending and below `numDocuments`
 */
export function listRoaring(
  bytes: Uint8Array,
  start: number,
  end: number,
  numDocuments: number,
  list: Uint32Array,
  refuse: Refuse
): number {
  let size = 0
  let previous = -1
  const add = (first: number, last: number): void => {
    if (first <= previous || last >= numDocuments)
      refuse('documents that are not ascending or none')
    for (let document = first; document <= last; document++) list[size++] = document
    previous = last
  }
  for (const { kind, first, cardinality, at, end: limit } of containersOf(
    bytes,
    start,
    end,
    refuse
  )) {
    const before = size
    if (kind === 'array') {
      for (let i = at; i < limit; i += 2) add(first + u16(bytes, i), first + u16(bytes, i))
    } else if (kind === 'runs') {
      for (let i = at; i < limit; i += 4) {
        const from = u16(bytes, i)
        const to = from + u16(bytes, i + 2)
        if (to > 0xffff) refuse('a run that leaves its container')
        add(first + from, first + to)
      }
    } else {
      for (let i = 0; i < 65_536; i++) {
        if ((bytes[at + (i >>> 3)]! & (1 << (i & 7))) !== 0) add(first + i, first + i)
      }
    }
    if (size - before !== cardinality) refuse(`a container of ${size - before}, not ${cardinality}`)
  }
  return size
}

const unchecked: Refuse = problem => {
  throw new RangeError(problem)
}

/** Adds the members of a bitmap, which {@link listRoaring} has checked, to a set. */
export function addRoaring(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Uint32Array
): void {
  for (const { kind, first, at, end: limit } of containersOf(bytes, start, end, unchecked)) {
    if (kind === 'array') {
      for (let i = at; i < limit; i += 2) {
        const document = first + u16(bytes, i)
        words[document >>> 5]! |= 1 << document
      }
    } else if (kind === 'runs') {
      for (let i = at; i < limit; i += 4) {
        addRange(words, first + u16(bytes, i), first + u16(bytes, i) + u16(bytes, i + 2))
      }
    } else {
      addBitmap(words, first, bytes, at)
    }
  }
}

/** Adds a container of bits. */
function addBitmap(words: Uint32Array, first: number, bytes: Uint8Array, at: number): void {
  const target = first >>> 5
  const length = Math.min(BITMAP_BYTES / 4, words.length - target)
  if ((bytes.byteOffset + at) % 4 === 0) {
    const source = new Uint32Array(bytes.buffer, bytes.byteOffset + at, length)
    for (let i = 0; i < length; i++) words[target + i]! |= source[i]!
  } else {
    // Behind an array of an odd number of members.
    for (let i = 0; i < length; i++) words[target + i]! |= u32(bytes, at + 4 * i)
  }
}

/** Adds all documents from `first` to `last`, both included. */
function addRange(words: Uint32Array, first: number, last: number): void {
  const firstWord = first >>> 5
  const lastWord = last >>> 5
  const head = -1 << (first & 31)
  const tail = -1 >>> (31 - (last & 31))
  if (firstWord === lastWord) {
    words[firstWord]! |= head & tail
    return
  }
  words[firstWord]! |= head
  words.fill(0xffff_ffff, firstWord + 1, lastWord)
  words[lastWord]! |= tail
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0
}
