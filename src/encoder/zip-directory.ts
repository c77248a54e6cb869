/**
 * Reads the directory of a zip file (PKWARE's APPNOTE 6.3.10): the end record, the zip64 record
 * before it if there is one, the central directory, and the local header of each entry. Everything is
 * checked against the length of the file before it is used.
 *
 *     [local header · content]…  [central directory]  [zip64 end · locator]  [end · comment]
 *
 * The contents stay where they are, in memory or on the disk: see {@link ZipSource}.
 */

/** No file that is read here has this many; a directory of more would fill the memory with names. */
const MAX_ENTRIES = 65_536

/** The end record, and the longest comment that may follow it. */
const MAX_END_BYTES = 22 + 65_535

/** The bytes of a zip file, wherever they lie. */
export interface ZipSource {
  /** Bytes of the file. */
  readonly length: number
  /** `length` bytes from `start`, all of them in the file; not changed by the reader. */
  read(start: number, length: number): Uint8Array
  /** The error that a file that lies, or ends too early, is to its reader. */
  damaged(problem: string, expected?: string): Error
}

/** What the directory says of one entry, and where its content lies. */
export interface ZipEntry {
  readonly name: string
  /** 0 is stored, 8 is deflated. */
  readonly method: number
  readonly isEncrypted: boolean
  /** Bytes of the content, unpacked. */
  readonly size: number
  /** Of the unpacked content. */
  readonly crc32: number
  /** The packed content: bytes from `start` of the file, all of them in it. */
  readonly start: number
  readonly packedBytes: number
  /** Type and permissions as Unix has them (`st_mode`), 0 where the writer was no Unix. */
  readonly unixMode: number
}

/** Whether bytes start as a zip file does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

/**
 * The entries by their names, in the order of the directory.
 *
 * @throws what `source.damaged` makes: for a file that is cut short, ranges outside of it, a name that
 *   stands twice, a stored entry of another size than its content
 */
export function readZipDirectory(source: ZipSource): Map<string, ZipEntry> {
  const zip = new ZipReader(source)
  const { numEntries, start } = findDirectory(zip)
  if (numEntries > MAX_ENTRIES) {
    throw source.damaged(`the zip claims ${numEntries} entries`, `at most ${MAX_ENTRIES}`)
  }
  const entries = new Map<string, ZipEntry>()
  let at = start
  for (let i = 0; i < numEntries; i++) {
    const head = zip.record(at, 46, 0x02014b50, 'entry of the zip directory')
    const nameBytes = head.u16(28)
    const extraBytes = head.u16(30)
    const numBytes = 46 + nameBytes + extraBytes + head.u16(32)
    zip.need(at, numBytes, 'an entry of the zip directory')
    const name = new TextDecoder().decode(source.read(at + 46, nameBytes))
    if (entries.has(name)) throw source.damaged(`the zip has two entries ${shown(name)}`)
    const extra = zip.fields(at + 46 + nameBytes, extraBytes)
    entries.set(name, readEntry(zip, head, name, extra))
    at += numBytes
  }
  return entries
}

/** A name from the file as it may stand in a message. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

/** Little-endian numbers of a piece of the file. */
class ZipFields {
  readonly length: number
  readonly #view: DataView
  readonly #source: ZipSource

  constructor(bytes: Uint8Array, source: ZipSource) {
    this.length = bytes.length
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#source = source
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
    throw this.#source.damaged(`the zip gives ${value} as an offset or size`)
  }
}

/** Pieces of the file, none of which reaches behind its end. */
class ZipReader {
  readonly source: ZipSource

  constructor(source: ZipSource) {
    this.source = source
  }

  /** Throws unless `length` bytes from `start` are in the file. */
  need(start: number, length: number, what: string): void {
    if (start + length <= this.source.length) return
    throw this.source.damaged(
      `${what} claims bytes ${start} to ${start + length}`,
      `a range in the ${this.source.length} bytes of the file`
    )
  }

  /** Bytes that are known to be in the file. */
  fields(start: number, length: number): ZipFields {
    return new ZipFields(this.source.read(start, length), this.source)
  }

  record(at: number, length: number, signature: number, what: string): ZipFields {
    this.need(at, length, what)
    const fields = this.fields(at, length)
    if (fields.u32(0) === signature) return fields
    throw this.source.damaged(`there is no ${what} at byte ${at}`)
  }
}

/** Where the central directory starts, from the record at the end of the file. */
function findDirectory(zip: ZipReader): { numEntries: number; start: number } {
  const { length } = zip.source
  const first = Math.max(0, length - MAX_END_BYTES)
  const end = zip.fields(first, length - first)
  for (let at = end.length - 22; at >= 0; at--) {
    // The comment at the very end may look like a record, but not like one that ends with the file.
    if (end.u32(at) !== 0x06054b50 || at + 22 + end.u16(at + 20) !== end.length) continue
    const locatorAt = first + at - 20
    const locator = locatorAt < 0 ? undefined : zip.fields(locatorAt, 20)
    if (locator === undefined || locator.u32(0) !== 0x07064b50) {
      return { numEntries: end.u16(at + 10), start: end.u32(at + 16) }
    }
    const wide = zip.record(locator.u64(8), 56, 0x06064b50, 'zip64 record')
    return { numEntries: wide.u64(32), start: wide.u64(48) }
  }
  throw zip.source.damaged('the zip has no directory at its end', 'a whole file')
}

/** @param head - the fixed part of the entry in the directory */
function readEntry(zip: ZipReader, head: ZipFields, name: string, extra: ZipFields): ZipEntry {
  // Sizes that do not fit 32 bits stand in the extra field of zip64, in this order.
  const sizes = [head.u32(24), head.u32(20), head.u32(42)]
  let wide = findZip64(extra)
  for (let i = 0; i < 3; i++) {
    if (sizes[i] !== 0xffff_ffff) continue
    if (wide === undefined || wide.start + 8 > wide.end) {
      throw zip.source.damaged(`entry ${shown(name)} lacks its size or place in 64 bits`)
    }
    sizes[i] = extra.u64(wide.start)
    wide = { start: wide.start + 8, end: wide.end }
  }
  const [size, packedBytes, offset] = sizes as [number, number, number]
  const local = zip.record(offset, 30, 0x04034b50, 'entry of the zip')
  const start = offset + 30 + local.u16(26) + local.u16(28)
  zip.need(start, packedBytes, `entry ${shown(name)}`)
  const method = head.u16(10)
  if (method === 0 && size !== packedBytes) {
    throw zip.source.damaged(`entry ${shown(name)} is stored in ${packedBytes} bytes`, `${size}`)
  }
  return {
    name,
    method,
    isEncrypted: (head.u16(8) & 1) === 1,
    size,
    crc32: head.u32(16),
    start,
    packedBytes,
    // The writer's system stands in the upper byte of its version: 3 is Unix.
    unixMode: head.u16(4) >>> 8 === 3 ? head.u32(38) >>> 16 : 0
  }
}

/** The zip64 field among an entry's extra fields. */
function findZip64(extra: ZipFields): { start: number; end: number } | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const next = at + 4 + extra.u16(at + 2)
    if (extra.u16(at) === 1) return { start: at + 4, end: Math.min(next, extra.length) }
    at = next
  }
  return undefined
}
