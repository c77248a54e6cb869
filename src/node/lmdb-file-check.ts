import { type FileHandle, open } from 'node:fs/promises'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'

/**
 * LMDB maps its file into memory and trusts it: a file that is shorter than its meta page says ends
 * the process with SIGBUS, at some later read. So the meta pages are looked at before LMDB is let
 * near.
 *
 * Pages 0 and 1 are meta pages; a commit writes one of them in turn, and the one with the higher
 * transaction counts. Of the fields in them (the offsets are those of a 64-bit little-endian
 * machine):
 */
const META = {
  magic: 24, // u32
  version: 28, // u32
  pageBytes: 48, // u32
  lastPage: 144, // u64
  transaction: 152, // u64
  end: 160
}
const MAGIC = 0xbeef_c0de
/** lmdb-js writes the data format of LMDB 1.0. */
const DATA_VERSION = 2

/**
 * Whether there is an LMDB file; an empty one counts as none, for LMDB makes it anew.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE`
 */
export async function checkLmdbFile(path: string): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw fileError(error, path, 'read')
  }
  try {
    const meta = await readMeta(file, 0)
    if (meta.length === 0) return false
    const { pageBytes, neededBytes } = await newestMeta(file, meta, path)
    // Asked after the meta pages were read: a writer may be at work.
    const { size } = await file.stat()
    if (size >= neededBytes) return true
    throw corrupt(
      path,
      `it has ${size} bytes, but ${neededBytes / pageBytes} pages of ${pageBytes}`
    )
  } catch (error) {
    throw fileError(error, path, 'read')
  } finally {
    await file.close()
  }
}

async function newestMeta(file: FileHandle, first: Buffer, path: string) {
  const pageBytes = checkMeta(first, path)
  const second = await readMeta(file, pageBytes)
  if (checkMeta(second, path) !== pageBytes) throw corrupt(path, 'its meta pages differ')
  const [a, b] = [first, second].map(meta => meta.readBigUInt64LE(META.transaction))
  const newest = a! >= b! ? first : second
  const lastPage = Number(newest.readBigUInt64LE(META.lastPage))
  return { pageBytes, neededBytes: (lastPage + 1) * pageBytes }
}

async function readMeta(file: FileHandle, position: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(META.end), 0, META.end, position)
  return buffer.subarray(0, bytesRead)
}

/** Gives the size of pages. */
function checkMeta(meta: Buffer, path: string): number {
  if (meta.length < META.end) throw corrupt(path, 'it ends within its meta pages')
  if (meta.readUInt32LE(META.magic) !== MAGIC) throw corrupt(path, 'it is no file of LMDB')
  const version = meta.readUInt32LE(META.version)
  if (version !== DATA_VERSION) {
    throw new EsplanadeError('COLLECTION_VERSION', {
      place: path,
      problem: `an LMDB file of data format ${version}`,
      expected: `${DATA_VERSION}`,
      remedy: 'Use the release of esplanade that wrote it'
    })
  }
  const pageBytes = meta.readUInt32LE(META.pageBytes)
  if (pageBytes < 256 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
    throw corrupt(path, `its pages have ${pageBytes} bytes`)
  }
  return pageBytes
}

function corrupt(path: string, problem: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', {
    place: path,
    problem: `the store is damaged: ${problem}`,
    remedy: 'Restore the collection from a backup'
  })
}
