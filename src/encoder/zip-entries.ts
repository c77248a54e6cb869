import { Inflate } from 'fflate'
import { EsplanadeError } from '../errors.ts'
import { plainView } from './tensor-elements.ts'

/**
 * Reads the entries of a zip file (PKWARE's APPNOTE 6.3.10) where they lie: the end record, the
 * zip64 record before it if there is one, the central directory, and each entry's local header.
 * Everything is checked against the length of the file before it is used.
 *
 *     [local header · content]…  [central directory]  [zip64 end · locator]  [end · comment]
 *
 * fflate's `unzipSync` does not serve here. It copies stored entries, which are nearly all of a
 * checkpoint; it reads offsets of zip64 as 32 bits; and it inflates into an array of the claimed
 * size, goes on decoding behind the end of it, and does not say that the content was longer. Its
 * `Inflate` gives the content piece by piece, so that a bomb stops at its first byte too many.
 */

/** No checkpoint has this many; a directory of more would fill the memory with names. */
const MAX_ENTRIES = 65_536

/** More than this much smaller, beyond the first MiB, is no weights but a bomb. */
const MAX_RATIO = 16
const FREE_BYTES = 2 ** 20

/** Deflate packs 1,032 to 1 at best, so one of these becomes 17 MB at most. */
const CHUNK_BYTES = 16_384

/** A stored block of deflate spans five chunks; more of them without a byte are no stream. */
const MAX_SILENT_CHUNKS = 8

interface ZipEntry {
  /** 0 is stored, 8 is deflated. */
  readonly method: number
  readonly size: number
  readonly packed: Uint8Array<ArrayBuffer>
}

/** Whether bytes start as a zip file does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

/** The entries of one zip file. */
export class ZipEntries {
  readonly #place: string
  readonly #entries: ReadonlyMap<string, ZipEntry>

  /**
   * @param bytes - the whole file; entries that are stored stay in it
   * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` where an entry is encrypted
   */
  constructor(bytes: Uint8Array, place: string) {
    this.#place = place
    this.#entries = readDirectory(new ZipBytes(bytes, place))
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** The unpacked size of an entry as the directory gives it, or undefined where there is none. */
  sizeOf(name: string): number | undefined {
    return this.#entries.get(name)?.size
  }

  /**
   * The content of an entry: a part of the file if it is stored, which most are.
   *
   * @param maxBytes - the most that this entry has any reason to have
   * @throws EsplanadeError `MODEL_FILE_INVALID` where it is missing, longer than `maxBytes`, or not
   * what the directory says; `MODEL_UNSUPPORTED` for another compression than deflate
   */
  content(name: string, maxBytes: number = Number.MAX_SAFE_INTEGER): Uint8Array<ArrayBuffer> {
    const place = this.#place
    const entry = this.#entries.get(name)
    if (entry === undefined) throw damaged(place, `it lacks the entry ${shown(name)}`)
    const { method, size, packed } = entry
    if (size > maxBytes) {
      throw damaged(place, `entry ${shown(name)} has ${size} bytes`, `at most ${maxBytes}`)
    }
    if (method === 0) return packed
    if (method !== 8) {
      throw new EsplanadeError('MODEL_UNSUPPORTED', {
        place,
        problem: `entry ${shown(name)} is compressed by method ${method}`,
        expected: 'stored or deflated entries',
        remedy: 'Save the model with torch.save, which does not compress'
      })
    }
    if (size > FREE_BYTES + MAX_RATIO * packed.length) {
      throw damaged(
        place,
        `entry ${shown(name)} claims to unpack ${packed.length} bytes to ${size}`,
        `at most ${MAX_RATIO} times as many`
      )
    }
    return inflate(packed, size, place, name)
  }
}

function inflate(
  packed: Uint8Array,
  size: number,
  place: string,
  name: string
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size)
  let length = 0
  let silent = 0
  const inflater = new Inflate(piece => {
    if (length + piece.length <= size) out.set(piece, length)
    length += piece.length
    silent = piece.length > 0 ? 0 : silent + 1
  })
  try {
    for (let start = 0; start < packed.length && length <= size; start += CHUNK_BYTES) {
      if (silent > MAX_SILENT_CHUNKS) break
      const end = start + CHUNK_BYTES
      inflater.push(packed.subarray(start, end), end >= packed.length)
    }
  } catch (cause) {
    throw damaged(place, `entry ${shown(name)} cannot be unpacked`, undefined, cause)
  }
  if (length !== size) {
    const what = length > size ? 'more than' : 'less than'
    throw damaged(place, `entry ${shown(name)} unpacks to ${what} ${size} bytes`)
  }
  return out
}

/** Little-endian numbers of a file, none of which is read from behind its end. */
class ZipBytes {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly place: string
  readonly #view: DataView

  constructor(bytes: Uint8Array, place: string) {
    this.bytes = plainView(bytes)
    this.place = place
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  u16(at: number): number {
    return this.#view.getUint16(at, true)
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true)
  }

  u64(at: number): number {
    const value = Number(this.#view.getBigUint64(at, true))
    if (Number.isSafeInteger(value)) return value
    throw damaged(this.place, `the zip gives ${value} as an offset or size`)
  }

  /** Throws unless `length` bytes from `start` are in the file. */
  need(start: number, length: number, what: string): void {
    if (start + length <= this.bytes.length) return
    throw damaged(
      this.place,
      `${what} claims bytes ${start} to ${start + length}`,
      `a range in the ${this.bytes.length} bytes of the file`
    )
  }

  needSignature(at: number, length: number, signature: number, what: string): void {
    this.need(at, length, what)
    if (this.u32(at) !== signature) throw damaged(this.place, `there is no ${what} at byte ${at}`)
  }
}

function readDirectory(zip: ZipBytes): Map<string, ZipEntry> {
  const { numEntries, start } = findDirectory(zip)
  if (numEntries > MAX_ENTRIES) {
    throw damaged(zip.place, `the zip claims ${numEntries} entries`, `at most ${MAX_ENTRIES}`)
  }
  const entries = new Map<string, ZipEntry>()
  let at = start
  for (let i = 0; i < numEntries; i++) {
    zip.needSignature(at, 46, 0x02014b50, 'entry of the zip directory')
    const lengths = [zip.u16(at + 28), zip.u16(at + 30), zip.u16(at + 32)] as const
    const numBytes = 46 + lengths[0] + lengths[1] + lengths[2]
    zip.need(at, numBytes, 'an entry of the zip directory')
    const name = new TextDecoder().decode(zip.bytes.subarray(at + 46, at + 46 + lengths[0]))
    if (entries.has(name)) throw damaged(zip.place, `the zip has two entries ${shown(name)}`)
    entries.set(name, readEntry(zip, at, name, lengths[0], lengths[1]))
    at += numBytes
  }
  return entries
}

/** Where the central directory starts, from the record at the end of the file. */
function findDirectory(zip: ZipBytes): { numEntries: number; start: number } {
  const last = zip.bytes.length - 22
  for (let at = last; at >= 0 && at >= last - 65_535; at--) {
    // The comment at the very end may look like a record, but not like one that ends with the file.
    if (zip.u32(at) !== 0x06054b50 || at + 22 + zip.u16(at + 20) !== zip.bytes.length) continue
    if (at < 20 || zip.u32(at - 20) !== 0x07064b50) {
      return { numEntries: zip.u16(at + 10), start: zip.u32(at + 16) }
    }
    const zip64 = zip.u64(at - 12)
    zip.needSignature(zip64, 56, 0x06064b50, 'zip64 record')
    return { numEntries: zip.u64(zip64 + 32), start: zip.u64(zip64 + 48) }
  }
  throw damaged(zip.place, 'the zip has no directory at its end', 'a whole file')
}

function readEntry(
  zip: ZipBytes,
  at: number,
  name: string,
  nameBytes: number,
  extraBytes: number
): ZipEntry {
  if (zip.u16(at + 8) & 1) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: zip.place,
      problem: `entry ${shown(name)} is encrypted`,
      remedy: 'Save the model with torch.save, which does not encrypt'
    })
  }
  // Sizes that do not fit 32 bits stand in the extra field of zip64, in this order.
  const fields = [zip.u32(at + 24), zip.u32(at + 20), zip.u32(at + 42)]
  let wide = findZip64(zip, at + 46 + nameBytes, extraBytes)
  for (let i = 0; i < 3; i++) {
    if (fields[i] !== 0xffff_ffff) continue
    if (wide === undefined || wide.start + 8 > wide.end) {
      throw damaged(zip.place, `entry ${shown(name)} lacks its size or place in 64 bits`)
    }
    fields[i] = zip.u64(wide.start)
    wide = { start: wide.start + 8, end: wide.end }
  }
  const [size, packedBytes, offset] = fields as [number, number, number]
  zip.needSignature(offset, 30, 0x04034b50, 'entry of the zip')
  const start = offset + 30 + zip.u16(offset + 26) + zip.u16(offset + 28)
  zip.need(start, packedBytes, `entry ${shown(name)}`)
  const method = zip.u16(at + 10)
  if (method === 0 && size !== packedBytes) {
    throw damaged(zip.place, `entry ${shown(name)} is stored in ${packedBytes} bytes`, `${size}`)
  }
  return { method, size, packed: zip.bytes.subarray(start, start + packedBytes) }
}

/** The zip64 field among an entry's extra fields. */
function findZip64(
  zip: ZipBytes,
  start: number,
  numBytes: number
): { start: number; end: number } | undefined {
  const end = start + numBytes
  for (let at = start; at + 4 <= end; ) {
    const next = at + 4 + zip.u16(at + 2)
    if (zip.u16(at) === 1) return { start: at + 4, end: Math.min(next, end) }
    at = next
  }
  return undefined
}

/** A name from the file as it may stand in a message. */
function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

function damaged(
  place: string,
  problem: string,
  expected?: string,
  cause?: unknown
): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem,
    expected,
    remedy: 'Fetch the file again; it is damaged or cut short',
    cause
  })
}
