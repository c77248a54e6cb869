import { access, constants, readdir, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { CorpusFormat } from '../corpus/document.ts'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'

/** One file to read, or one that cannot be. */
export type CorpusFile =
  | {
      readonly path: string
      readonly format: CorpusFormat
      /** The document's key, where a file is one document. */
      readonly key: string
      /** Size on the disk. */
      readonly numBytes: number
    }
  | { readonly error: EsplanadeError }

/** The files of the inputs in the order they are read. */
export interface CorpusListing {
  readonly files: readonly CorpusFile[]
  /** Files inside folders that are of no format that is read there. */
  readonly numOthers: number
}

/** Formats whose lines are documents; `.gz` may follow. */
const LINE_FORMATS: ReadonlyMap<string, CorpusFormat> = new Map([
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
  ['.csv', 'csv'],
  ['.tsv', 'tsv']
])

/** Formats of which a whole file is one document. */
const FILE_FORMATS: ReadonlyMap<string, CorpusFormat> = new Map([
  ['.md', 'markdown'],
  ['.markdown', 'markdown'],
  ['.html', 'html'],
  ['.htm', 'html'],
  ['.txt', 'text']
])

const ACCEPTED =
  'a BEIR folder (with corpus.jsonl), a .jsonl, .csv or .tsv file (or one of these with .gz), ' +
  'a .md, .txt or .html file or a folder of them, or - for JSON lines on standard input'

/**
 * Finds the files that an input stands for, before anything is read.
 *
 * A folder that holds `corpus.jsonl` is a BEIR collection, and that file is read. Any other folder
 * is searched for `.md`, `.markdown`, `.html`, `.htm` and `.txt` at all depths, in the order of
 * their names by UTF-16 code units. Left out are hidden names, `node_modules`, and symbolic links: a
 * link to a place inside the folder adds nothing, one to a place outside is not part of it, and
 * cycles cannot arise.
 *
 * @throws EsplanadeError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or `INVALID_ARGUMENT` for a kind of
 *   file that is not read or a folder without readable files
 */
export async function listCorpus(input: string): Promise<CorpusListing> {
  const info = await stat(input).catch(cause => {
    throw fileError(cause, input, 'read')
  })
  if (!info.isDirectory()) {
    const format = formatOf(input)
    if (format === undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: input,
        problem: `files of the kind "${extname(input) || basename(input)}" are not read`,
        expected: ACCEPTED
      })
    }
    await checkReadable(input)
    const file = { path: input, format, key: basename(input), numBytes: info.size }
    return { files: [file], numOthers: 0 }
  }
  for (const name of ['corpus.jsonl', 'corpus.jsonl.gz']) {
    const path = join(input, name)
    const beir = await stat(path).catch(() => undefined)
    if (beir?.isFile()) {
      await checkReadable(path)
      return {
        files: [{ path, format: 'jsonl', key: name, numBytes: beir.size }],
        numOthers: 0
      }
    }
  }
  return listFolder(input)
}

/** A file that was asked for by name must be readable before any work is done. */
async function checkReadable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch(cause => {
    throw fileError(cause, path, 'read')
  })
}

function formatOf(path: string): CorpusFormat | undefined {
  const name = path.toLowerCase()
  const extension = extname(name)
  if (extension === '.gz') return LINE_FORMATS.get(extname(name.slice(0, -3)))
  return LINE_FORMATS.get(extension) ?? FILE_FORMATS.get(extension)
}

async function listFolder(root: string): Promise<CorpusListing> {
  const files: CorpusFile[] = []
  let numOthers = 0
  const visit = async (folder: string, keyPrefix: string): Promise<void> => {
    const path = join(root, folder)
    const entries = await readdir(path, { withFileTypes: true }).catch(cause => {
      // The folder that was asked for must be readable; one inside it is reported like a bad line.
      if (folder === '') throw fileError(cause, path, 'read')
      files.push({ error: fileError(cause, path, 'read') })
      return []
    })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.isSymbolicLink()) continue
      const key = keyPrefix + entry.name
      const inside = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules') await visit(inside, `${key}/`)
        continue
      }
      const format = FILE_FORMATS.get(extname(entry.name).toLowerCase())
      if (format === undefined || !entry.isFile()) numOthers++
      else files.push(await listFile(join(root, inside), key, format))
    }
  }
  await visit('', '')
  if (files.length > 0) return { files, numOthers }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: root,
    problem: `the folder holds nothing to read (${numOthers} files of other kinds)`,
    expected: ACCEPTED,
    remedy: 'Name .jsonl, .csv and .tsv files themselves'
  })
}

async function listFile(path: string, key: string, format: CorpusFormat): Promise<CorpusFile> {
  try {
    return { path, format, key, numBytes: (await stat(path)).size }
  } catch (cause) {
    return { error: fileError(cause, path, 'read') }
  }
}
