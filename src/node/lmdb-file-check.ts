import { type FileHandle, open } from 'node:fs/promises'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'
import { checkLmdbPages, type LmdbMeta } from './lmdb-page-check.ts'

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
  trees: 48, // two of 48 bytes
  lastPage: 144, // u64
  transaction: 152, // u64
  end: 160
}
const MAGIC = 0xbeef_c0de
/** lmdb-js writes the data format of LMDB 1.0. */
const DATA_VERSION = 2

/**
 * Up to this size all pages are looked at before LMDB is let near; it takes some 30 ms. So are those of
 * a file that is shorter than its meta page says. That alone is no damage: the last pages may have been
 * taken and given back in one transaction, and are then free without ever being written.
 */
const SMALL_BYTES = 2 ** 25
/** A writer that goes on writing overwrites pages of a state that is being walked. */
const MAX_ATTEMPTS = 3

/** How an LMDB file is looked at. */
export interface FileCheckOptions {
  /** All pages, however large the file is; by default only branches of a large one. */
  readonly allPages?: boolean
}

/**
 * Whether there is an LMDB file; an empty one counts as none, for LMDB makes it anew.
 *
 * A writer may be at work. Then pages are only looked at as long as it leaves them alone.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE`
 */
export async function checkLmdbFile(
  path: string,
  options: FileCheckOptions = {}
): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw fileError(error, path, 'read')
  }
  try {
    if ((await readMeta(file, 0)).length === 0) return false
    for (let attempt = 1; ; attempt++) {
      const meta = await newestMeta(file, path)
      try {
        // Asked after the meta pages were read: a writer may be at work.
        const { size } = await file.stat()
        const isShort = size < (meta.lastPage + 1) * meta.pageBytes
        const leaves = options.allPages || isShort || size <= SMALL_BYTES
        checkLmdbPages(path, meta, { leaves, fileBytes: size })
        return true
      } catch (error) {
        const { transaction } = await newestMeta(file, path)
        if (transaction === meta.transaction) throw error
        if (attempt === MAX_ATTEMPTS) return true
      }
    }
  } catch (error) {
    throw fileError(error, path, 'read')
  } finally {
    await file.close()
  }
}

async function newestMeta(file: FileHandle, path: string): Promise<LmdbMeta> {
  const first = await readMeta(file, 0)
  const pageBytes = checkMeta(first, path)
  const second = await readMeta(file, pageBytes)
  if (checkMeta(second, path) !== pageBytes) throw corrupt(path, 'its meta pages differ')
  const [a, b] = [first, second].map(meta => meta.readBigUInt64LE(META.transaction)) as [
    bigint,
    bigint
  ]
  // Both are 0 in a file that nothing was written to.
  if (a % 2n !== 0n || (b % 2n !== 1n && b !== 0n)) {
    throw corrupt(path, `its meta pages are of the transactions ${a} and ${b}`)
  }
  const [newest, transaction] = a >= b ? [first, a] : [second, b]
  return {
    pageBytes,
    lastPage: Number(newest.readBigUInt64LE(META.lastPage)),
    transaction,
    trees: [0, 48].map(at => newest.subarray(META.trees + at, META.trees + at + 48))
  }
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
