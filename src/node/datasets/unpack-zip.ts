import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readSync
} from 'node:fs'
import { mkdir, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import { readZipDirectory, shown, type ZipEntry } from '../../encoder/zip-directory.ts'
import { EsplanadeError } from '../../errors.ts'
import { syncFolder } from '../atomic-file.ts'
import { type PlannedFile, planFiles } from './zip-plan.ts'

/** What unpacking needs to know beside its places. */
export interface UnpackOptions {
  readonly signal: AbortSignal | undefined
  /** The error that a zip is that is cut short, lies or is hostile. */
  damaged(problem: string, expected?: string, cause?: unknown): EsplanadeError
  /** Looks at the paths of the files before anything is written. */
  check(paths: readonly string[]): void
  /** @param done - bytes written, of `total` */
  report(done: number, total: number): void
}

const PIECE_BYTES = 2 ** 20

/**
 * Writes the files of a zip into a new folder, piece by piece, whatever their size, and flushes them to
 * the disk. Nothing is written before the whole directory has been read and found harmless (see
 * {@link planFiles}); then each file has to have the size and the CRC-32 that the directory says.
 *
 * @param folder - is made; must not be there
 * @throws what `damaged` makes; EsplanadeError `FILE_UNWRITABLE` where the disk has not enough room; the
 *   system's error
 */
export async function unpackZip(
  zipPath: string,
  folder: string,
  options: UnpackOptions
): Promise<void> {
  const files = readPlan(zipPath, options)
  options.check(files.map(({ path }) => path))
  const total = files.reduce((sum, { entry }) => sum + entry.size, 0)
  await refuseFullDisk(dirname(folder), total)
  await mkdir(folder)
  const folders = new Set([folder])
  let written = 0
  for (const { entry, path } of files) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    for (let at = dirname(target); !folders.has(at); at = dirname(at)) folders.add(at)
    await unpackEntry(zipPath, entry, target, options, numBytes => {
      written += numBytes
      options.report(written, total)
    })
  }
  for (const each of folders) await syncFolder(each)
}

function readPlan(zipPath: string, { damaged }: UnpackOptions): PlannedFile[] {
  const file = openSync(zipPath, 'r')
  try {
    const { size } = fstatSync(file)
    const read = (start: number, length: number) => {
      const bytes = new Uint8Array(length)
      // A shorter file than a moment ago leaves zeros, which are no record of a zip.
      readSync(file, bytes, 0, length, start)
      return bytes
    }
    const entries = readZipDirectory({ length: size, read, damaged })
    return planFiles(entries.values(), size, damaged)
  } finally {
    closeSync(file)
  }
}

async function refuseFullDisk(place: string, numBytes: number): Promise<void> {
  const disk = await statfs(place).catch(() => undefined)
  if (disk === undefined || numBytes <= disk.bavail * disk.bsize) return
  throw new EsplanadeError('FILE_UNWRITABLE', {
    place,
    problem: `the files unpack to ${numBytes} bytes, and the disk has ${disk.bavail * disk.bsize} free`,
    remedy: 'Free some space, or choose another place'
  })
}

async function unpackEntry(
  zipPath: string,
  entry: ZipEntry,
  target: string,
  { signal, damaged }: UnpackOptions,
  onBytes: (numBytes: number) => void
): Promise<void> {
  const { name, method, start, packedBytes, size } = entry
  const wrong = (problem: string, cause?: unknown) =>
    damaged(`entry ${shown(name)} ${problem}`, undefined, cause)
  if (packedBytes === 0) {
    if (size !== 0) throw wrong(`has nothing to unpack to ${size} bytes`)
    return writeFile(target, '', { flag: 'wx', flush: true })
  }
  const packed = createReadStream(zipPath, {
    start,
    end: start + packedBytes - 1,
    highWaterMark: PIECE_BYTES
  })
  const check = async function* (pieces: AsyncIterable<Uint8Array>) {
    let numBytes = 0
    let sum = 0
    for await (const piece of pieces) {
      numBytes += piece.length
      if (numBytes > size) throw wrong(`unpacks to more than ${size} bytes`)
      sum = crc32(piece, sum)
      onBytes(piece.length)
      yield piece
    }
    if (numBytes < size) throw wrong(`unpacks to ${numBytes} bytes, and not to ${size}`)
    if (sum !== entry.crc32) throw wrong('has another checksum than the zip says')
  }
  const output = createWriteStream(target, { flags: 'wx', flush: true })
  const options = signal ? { signal } : {}
  try {
    if (method === 0) await pipeline(packed, check, output, options)
    else
      await pipeline(packed, createInflateRaw({ chunkSize: PIECE_BYTES }), check, output, options)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw code?.startsWith('Z_') ? wrong('cannot be unpacked', cause) : cause
  }
}
