import { shown, type ZipEntry } from '../../encoder/zip-directory.ts'
import { isSafePath } from '../hub/hub-names.ts'

/** A file of a zip, and where in the folder it goes. */
export interface PlannedFile {
  readonly entry: ZipEntry
  /** With slashes; within the folder on every platform. */
  readonly path: string
}

/**
 * Text with a constant column shrinks to a fiftieth; a bomb of plain deflate to a thousandth. Beyond the
 * first MiB, so that a small file of anything passes.
 */
const MAX_RATIO = 100
const FREE_BYTES = 2 ** 20

/** Type bits of `st_mode`. */
const TYPE_MASK = 0o170000
const PLAIN_FILE = 0o100000
const FOLDER = 0o040000

/**
 * Which files of a zip are written where, or why none is. A folder that all of them lie in is left out
 * of their paths, and so is what macOS adds.
 *
 * Refused are paths that lead out of the folder or that some platform has no name for, links and
 * devices, encryption, other methods than deflate, two files whose names differ in case only, entries
 * that share their bytes, and sizes that no text unpacks to.
 *
 * @param zipBytes - of the whole file
 * @param damaged - makes the error
 */
export function planFiles(
  entries: Iterable<ZipEntry>,
  zipBytes: number,
  damaged: (problem: string, expected?: string) => Error
): PlannedFile[] {
  const files: ZipEntry[] = []
  const names = new Set<string>()
  let packedBytes = 0
  for (const entry of entries) {
    const problem = problemOf(entry)
    if (problem !== undefined) throw damaged(`entry ${shown(entry.name)} ${problem}`)
    packedBytes += entry.packedBytes
    if (isFolder(entry) || isOfMacOs(entry.name)) continue
    const folded = entry.name.normalize('NFC').toLowerCase()
    if (names.has(folded)) {
      throw damaged(`entry ${shown(entry.name)} differs from another in case only`)
    }
    names.add(folded)
    files.push(entry)
  }
  if (packedBytes > zipBytes) {
    throw damaged(`its entries claim ${packedBytes} bytes of a file of ${zipBytes}`)
  }
  const root = commonFolder(files.map(({ name }) => name))
  return files.map(entry => ({ entry, path: entry.name.slice(root.length) }))
}

function isFolder({ name }: ZipEntry): boolean {
  return name.endsWith('/')
}

function isOfMacOs(name: string): boolean {
  return name.startsWith('__MACOSX/') || name.endsWith('.DS_Store')
}

function problemOf(entry: ZipEntry): string | undefined {
  const { name, method, isEncrypted, size, packedBytes, unixMode } = entry
  const isSafe = isSafePath(isFolder(entry) ? name.slice(0, -1) : name)
  if (!isSafe) return 'has a path that leads elsewhere, or that no file may have'
  const type = unixMode & TYPE_MASK
  if (type !== 0 && type !== (isFolder(entry) ? FOLDER : PLAIN_FILE)) {
    return 'is a link, or something else that is no file'
  }
  if (isEncrypted) return 'is encrypted'
  if (method !== 0 && method !== 8) return `is compressed by method ${method}`
  if (size <= FREE_BYTES + MAX_RATIO * packedBytes) return undefined
  return `claims to unpack ${packedBytes} bytes to ${size}`
}

/** The folder that all names begin with, with its slash; else nothing. */
function commonFolder(names: readonly string[]): string {
  const [first = ''] = names
  const root = first.slice(0, first.indexOf('/') + 1)
  return names.every(name => name.startsWith(root)) ? root : ''
}
