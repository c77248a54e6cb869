import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  decodeLine,
  decodeTable,
  encodeLine,
  encodeTable,
  type LineEntry
} from '../collection/document-lines.ts'
import type {
  DocumentReader,
  DocumentWriter,
  StoredDocument
} from '../collection/document-store.ts'
import { formatManifest, type Manifest, parseManifest } from '../collection/manifest.ts'
import { EsplanadeError } from '../errors.ts'
import type { Metric } from '../vector/similarity.ts'
import { fileError } from './file-error.ts'
import { TUNING_FILES } from './tuning-file.ts'

/** The files of an index; their layout is described under `docs/formats/`. */
const FILES = {
  manifest: 'manifest.json',
  vectors: 'vectors.esp',
  documents: 'documents.jsonl',
  table: 'documents.table'
} as const

const WRITE_BUFFER_BYTES = 1 << 20

/** Folders that builds of this process are writing. */
const underWay = new Set<string>()

/**
 * An index being written. Everything goes into a folder beside the final place, which takes that
 * place at the end: a reader never sees half an index, and a build that fails or is killed leaves
 * what was there before. (An index that is replaced is moved aside first; a kill in that moment
 * leaves it beside its place, as `.partial-PID-old`.)
 */
export class IndexDirectoryWriter implements DocumentWriter {
  readonly #target: string
  readonly #partial: string
  readonly #overwrite: boolean
  readonly #documents: FileHandle
  readonly #entries: LineEntry[] = []
  #buffer: Uint8Array[] = []
  #bufferedBytes = 0
  #writtenBytes = 0

  private constructor(target: string, partial: string, overwrite: boolean, documents: FileHandle) {
    this.#target = target
    this.#partial = partial
    this.#overwrite = overwrite
    this.#documents = documents
  }

  /**
   * @param overwrite - replaces an index that is there; anything else is never replaced
   * @throws EsplanadeError `INDEX_EXISTS`, `FILE_UNWRITABLE`
   */
  static async create(directory: string, overwrite: boolean): Promise<IndexDirectoryWriter> {
    const target = resolve(directory)
    refuseToReplace(target, overwrite)
    const partial = `${target}.partial-${process.pid}`
    if (underWay.has(partial)) {
      throw new EsplanadeError('INDEX_EXISTS', {
        place: target,
        problem: 'this process is already writing an index here',
        remedy: 'Wait until that is done, or choose another place'
      })
    }
    underWay.add(partial)
    try {
      removeAbandoned(target)
      // Not by `recursive` alone: where nothing can be made, as in /proc, that never returns.
      if (!existsSync(dirname(target))) await mkdir(dirname(target), { recursive: true })
      await mkdir(partial)
      const documents = await open(join(partial, FILES.documents), 'w')
      return new IndexDirectoryWriter(target, partial, overwrite, documents)
    } catch (cause) {
      underWay.delete(partial)
      throw fileError(cause, target, 'write')
    }
  }

  async add(document: StoredDocument): Promise<void> {
    const { line, entry } = encodeLine(document, this.#writtenBytes + this.#bufferedBytes)
    this.#entries.push(entry)
    this.#buffer.push(line)
    this.#bufferedBytes += line.length
    if (this.#bufferedBytes >= WRITE_BUFFER_BYTES) await this.#flush()
  }

  /** Writes the rest and puts the index in its place. */
  async commit(
    vectors: readonly Uint8Array[],
    describe: (fileBytes: Manifest['fileBytes']) => Manifest
  ): Promise<Manifest> {
    await this.#flush()
    const table = encodeTable(this.#entries)
    const manifest = describe({
      [FILES.vectors]: vectors.reduce((sum, { length }) => sum + length, 0),
      [FILES.documents]: this.#writtenBytes,
      [FILES.table]: table.length
    })
    try {
      await this.#documents.sync()
      await this.#documents.close()
      await this.#write(FILES.vectors, vectors)
      await this.#write(FILES.table, table)
      await this.#write(FILES.manifest, formatManifest(manifest))
      await this.#takePlace()
    } catch (cause) {
      throw fileError(cause, this.#target, 'write')
    }
    underWay.delete(this.#partial)
    return manifest
  }

  /** Removes all that was written. The place is as it was before. */
  async discard(): Promise<void> {
    await this.#documents.close().catch(() => undefined)
    rmSync(this.#partial, { recursive: true, force: true })
    underWay.delete(this.#partial)
  }

  async #write(file: string, content: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
    await writeFile(join(this.#partial, file), content, { flush: true })
  }

  async #takePlace(): Promise<void> {
    // Another build may have put its index here meanwhile.
    refuseToReplace(this.#target, this.#overwrite)
    const old = `${this.#target}.partial-${process.pid}-old`
    const replaces = existsSync(this.#target)
    if (replaces) await rename(this.#target, old)
    try {
      await rename(this.#partial, this.#target)
    } catch (cause) {
      if (replaces) await rename(old, this.#target)
      throw cause
    }
    if (replaces) await rm(old, { recursive: true, force: true })
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#buffer)
    try {
      // `write` may take a part only, for instance where the disk fills up.
      await this.#documents.appendFile(bytes)
    } catch (cause) {
      throw fileError(cause, this.#target, 'write')
    }
    this.#writtenBytes += bytes.length
    this.#buffer = []
    this.#bufferedBytes = 0
  }
}

/** An index opened for reading. */
export class IndexDirectory implements DocumentReader {
  readonly path: string
  readonly manifest: Manifest
  readonly #documents: FileHandle
  readonly #entries: readonly LineEntry[]

  private constructor(
    path: string,
    manifest: Manifest,
    documents: FileHandle,
    entries: readonly LineEntry[]
  ) {
    this.path = path
    this.manifest = manifest
    this.#documents = documents
    this.#entries = entries
  }

  /** @throws EsplanadeError `INDEX_NOT_FOUND`, `INDEX_VERSION`, `INDEX_CORRUPT`, `FILE_UNREADABLE` */
  static async open(directory: string): Promise<IndexDirectory> {
    const path = resolve(directory)
    const manifest = readManifest(path)
    if (manifest === undefined) throw noIndex(path, directory)
    const table = await readWhole(path, FILES.table, manifest)
    const entries = decodeTable(table, join(path, FILES.table))
    if (entries.length !== manifest.numDocuments) {
      throw mismatch(join(path, FILES.table), `${entries.length} documents`, manifest.numDocuments)
    }
    const documentsPath = join(path, FILES.documents)
    try {
      const documents = await open(documentsPath, 'r')
      const { size } = await documents.stat()
      const expected = manifest.fileBytes[FILES.documents]
      if (size !== expected) {
        await documents.close()
        throw mismatch(documentsPath, `${size} bytes`, expected)
      }
      return new IndexDirectory(path, manifest, documents, entries)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw missing(documentsPath, cause)
      throw fileError(cause, documentsPath, 'read')
    }
  }

  /** @throws EsplanadeError `INDEX_CORRUPT` where the vectors are not those of the manifest */
  checkCounts(vectors: { size: number; numPostings: number; metric: Metric }): void {
    const { numPassages, numPostings, metric } = this.manifest
    const place = join(this.path, FILES.vectors)
    if (vectors.size !== numPassages) throw mismatch(place, `${vectors.size} vectors`, numPassages)
    if (vectors.numPostings !== numPostings) {
      throw mismatch(place, `${vectors.numPostings} postings`, numPostings)
    }
    if (vectors.metric !== metric) throw mismatch(place, `the metric ${vectors.metric}`, metric)
  }

  /** Where the vectors are. @throws EsplanadeError `INDEX_CORRUPT` where the file is not whole */
  async vectorsFile(): Promise<string> {
    const place = join(this.path, FILES.vectors)
    const size = await stat(place).then(
      ({ size }) => size,
      cause => {
        throw readError(place, cause)
      }
    )
    checkBytes(place, size, this.manifest.fileBytes[FILES.vectors])
    return place
  }

  async get(ordinal: number): Promise<StoredDocument> {
    const entry = this.#entries[ordinal]!
    const place = join(this.path, FILES.documents)
    const line = new Uint8Array(entry.length)
    try {
      const { bytesRead } = await this.#documents.read(line, 0, entry.length, entry.offset)
      return decodeLine(line.subarray(0, bytesRead), entry, place)
    } catch (cause) {
      throw fileError(cause, place, 'read')
    }
  }

  async close(): Promise<void> {
    await this.#documents.close()
  }
}

function noIndex(path: string, directory: string): EsplanadeError {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  return new EsplanadeError('INDEX_NOT_FOUND', {
    place: path,
    problem: isFile ? 'a file, not the directory of an index' : 'there is no index here',
    remedy: `Make one: esplanade index ${isFile ? `${directory} --to DIR` : `IN --to ${directory}`}`
  })
}

/** The manifest of the index at `path`, or undefined where there is none. */
function readManifest(path: string): Manifest | undefined {
  const file = join(path, FILES.manifest)
  let json: string
  try {
    json = readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fileError(cause, file, 'read')
  }
  return parseManifest(json, file)
}

async function readWhole(path: string, file: string, manifest: Manifest): Promise<Uint8Array> {
  const place = join(path, file)
  let bytes: Uint8Array
  try {
    bytes = await readFile(place)
  } catch (cause) {
    throw readError(place, cause)
  }
  checkBytes(place, bytes.length, manifest.fileBytes[file])
  return bytes
}

function readError(place: string, cause: unknown): EsplanadeError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  return isMissing ? missing(place, cause) : fileError(cause, place, 'read')
}

function checkBytes(place: string, found: number, expected: number | undefined): void {
  if (found !== expected) throw mismatch(place, `${found} bytes`, expected)
}

function mismatch(
  place: string,
  found: string,
  expected: number | string | undefined
): EsplanadeError {
  return new EsplanadeError('INDEX_CORRUPT', {
    place,
    problem: `it has ${found}`,
    expected: `${expected}, as the manifest says`,
    remedy: 'Index the documents again'
  })
}

function missing(place: string, cause: unknown): EsplanadeError {
  return new EsplanadeError('INDEX_CORRUPT', {
    place,
    problem: 'this file of the index is missing',
    remedy: 'Index the documents again',
    cause
  })
}

function refuseToReplace(target: string, overwrite: boolean): void {
  if (!existsSync(target)) return
  let files: string[]
  try {
    files = readdirSync(target)
  } catch (cause) {
    throw fileError(cause, target, 'write')
  }
  // What `tune` keeps goes with the index that it was measured on.
  const ours: readonly string[] = [...Object.values(FILES), ...TUNING_FILES]
  const isIndex = files.includes(FILES.manifest) && files.includes(FILES.vectors)
  const isOnlyIndex = isIndex && files.every(file => ours.includes(file))
  const isFree = files.length === 0 && target !== process.cwd()
  if (isFree || (isOnlyIndex && overwrite)) return
  const other = isIndex ? 'the folder of an index that holds other files too' : 'a folder'
  throw new EsplanadeError('INDEX_EXISTS', {
    place: target,
    problem: `${isOnlyIndex ? 'an index' : other} is already here`,
    remedy: isOnlyIndex
      ? 'Replace it with --overwrite, or the option overwrite'
      : 'Choose a place that is not there yet; nothing of this is replaced'
  })
}

/**
 * Removes what killed builds of this place left: folders named for a process that is gone, or for
 * one that had our number before us, as every process of a container may.
 */
function removeAbandoned(target: string): void {
  const folder = dirname(target)
  if (!existsSync(folder)) return
  const prefix = `${basename(target)}.partial-`
  for (const name of readdirSync(folder)) {
    const pid = Number.parseInt(name.slice(prefix.length), 10)
    const isOurs = pid === process.pid && name === `${prefix}${pid}`
    const isAbandoned = isOurs || !isRunning(pid)
    if (name.startsWith(prefix) && !name.endsWith('-old') && pid > 0 && isAbandoned) {
      rmSync(join(folder, name), { recursive: true, force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
