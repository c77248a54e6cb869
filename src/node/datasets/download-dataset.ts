import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EsplanadeError } from '../../errors.ts'
import { syncFolder } from '../atomic-file.ts'
import { fileError } from '../file-error.ts'
import { atIntervals } from '../http/at-intervals.ts'
import { FileDownload, type FileToFetch } from '../http/file-download.ts'
import { HttpConnection } from '../http/http-connection.ts'
import { WriterLock } from '../writer-lock.ts'
import type { BeirDataset } from './beir-datasets.ts'
import { datasetServer } from './dataset-server.ts'
import {
  type DatasetSettings,
  type DownloadDatasetOptions,
  datasetSettings
} from './dataset-settings.ts'
import { unpackZip } from './unpack-zip.ts'

/** What {@link downloadDataset} did. */
export interface DownloadedDataset {
  readonly name: string
  /** The folder, absolute. */
  readonly path: string
  /** False where it was there before. */
  readonly isNew: boolean
  /**
   * The folders that hold a `corpus.jsonl`, absolute, by name: `path` itself, or, where a data set is
   * several (cqadupstack), folders in it. Each is what `openCorpus` and `esplanade index` take.
   */
  readonly corpora: readonly string[]
  /** What BEIR says of it; undefined for a data set of one's own. */
  readonly dataset: BeirDataset | undefined
}

/**
 * Fetches a data set in BEIR's form, as a zip file of `corpus.jsonl`, `queries.jsonl` and
 * `qrels/*.tsv`, and unpacks it. A folder that is there is left as it is.
 *
 * Beside the folder lie, while it is made, `NAME.zip.partial` (what has arrived: a later call goes on
 * with it), `NAME.partial` (what is unpacked so far) and `NAME.lock`. The folder gets its name when the
 * zip has the right MD5 sum and all files of it are on the disk; then the zip is removed.
 *
 * @param name - of {@link BEIR_DATASETS}; any, where `from` and `md5` say what is meant
 * @throws EsplanadeError `INVALID_ARGUMENT` for a name that is not known; `DOWNLOAD_FAILED` where the
 *   server cannot be reached or what it sends is not the data set; `FILE_UNWRITABLE`, also where
 *   another process fetches it, or something else has its place; `ABORTED`
 */
export async function downloadDataset(
  name: string,
  options: DownloadDatasetOptions = {}
): Promise<DownloadedDataset> {
  return downloadWith(datasetSettings(name, options))
}

/** As {@link downloadDataset}, with all settings made. */
export async function downloadWith(settings: DatasetSettings): Promise<DownloadedDataset> {
  const { name, folder, dataset, signal } = settings
  const result = (isNew: boolean, corpora: readonly string[]): DownloadedDataset => {
    return { name, path: folder, isNew, corpora, dataset }
  }
  const before = await corporaIn(folder)
  if (before !== undefined) return result(false, before)
  const lock = await lockOf(folder)
  try {
    // Another process may just have finished.
    const isNew = (await corporaIn(folder)) === undefined
    if (isNew) await fetchAndUnpack(settings)
    return result(isNew, (await corporaIn(folder)) ?? [])
  } catch (cause) {
    if (signal?.aborted) throw datasetServer(settings).aborted(signal)
    throw fileError(cause, folder, 'write')
  } finally {
    await lock.release()
  }
}

async function fetchAndUnpack(settings: DatasetSettings): Promise<void> {
  const { folder, signal, onProgress } = settings
  const zip = `${folder}.zip.partial`
  const partial = `${folder}.partial`
  const connection = new HttpConnection(datasetServer(settings), settings)
  try {
    await new FileDownload(connection, fileToFetch(settings), zip).run()
  } catch (error) {
    // What is empty is nothing to go on with.
    if ((await stat(zip).catch(() => undefined))?.size === 0) await rm(zip, { force: true })
    throw error
  }
  const damaged = (problem: string, expected?: string, cause?: unknown) =>
    new EsplanadeError('DOWNLOAD_FAILED', {
      place: settings.url,
      problem: `the zip file cannot be used: ${problem}`,
      expected,
      remedy: 'It was removed; take the file from another server',
      cause
    })
  try {
    await rm(partial, { recursive: true, force: true })
    await unpackZip(zip, partial, {
      signal,
      damaged,
      check: paths => refuseOther(paths, damaged),
      report: atIntervals((done, total) => onProgress?.({ stage: 'unpack', done, total }))
    })
    await rename(partial, folder)
    await syncFolder(dirname(folder))
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    const isDamaged = error instanceof EsplanadeError && error.code === 'DOWNLOAD_FAILED'
    if (isDamaged) await rm(zip, { force: true })
    throw error
  }
  await rm(zip, { force: true })
}

function fileToFetch({ url, md5, onProgress }: DatasetSettings): FileToFetch {
  return {
    url,
    size: undefined,
    checksum: md5,
    beginHash: () => createHash('md5'),
    wrong: problem =>
      new EsplanadeError('DOWNLOAD_FAILED', {
        place: url,
        problem: `what was sent is not the data set: ${problem}`,
        expected: `a file of the MD5 sum ${md5}`,
        remedy: 'Try again later, or take it from another server; a proxy may alter files'
      }),
    roomRemedy: 'Free some space, or choose another place',
    report: atIntervals((done, total) => onProgress?.({ stage: 'fetch', done, total }))
  }
}

const CORPUS = 'corpus.jsonl'

/** A zip of something else is not unpacked. */
function refuseOther(paths: readonly string[], damaged: (problem: string) => EsplanadeError): void {
  if (paths.some(path => /^([^/]+\/)?corpus\.jsonl$/.test(path))) return
  throw damaged(`it is no data set in BEIR's form: it holds no ${CORPUS}`)
}

/**
 * The folders of documents at a place; undefined where nothing is there.
 *
 * @throws EsplanadeError `FILE_UNWRITABLE` where something else is there
 */
async function corporaIn(folder: string): Promise<string[] | undefined> {
  const names = await readdir(folder).catch(cause => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(cause, folder, 'write')
  })
  if (names === undefined) return undefined
  const candidates = [folder, ...names.sort().map(name => join(folder, name))]
  const corpora: string[] = []
  for (const candidate of candidates) {
    const corpus = await stat(join(candidate, CORPUS)).catch(() => undefined)
    if (corpus?.isFile()) corpora.push(candidate)
  }
  if (corpora.length > 0) return corpora
  throw new EsplanadeError('FILE_UNWRITABLE', {
    place: folder,
    problem: `something else is at this place: it holds no ${CORPUS}`,
    remedy: 'Choose another place, or remove it'
  })
}

async function lockOf(folder: string): Promise<WriterLock> {
  try {
    await mkdir(dirname(folder), { recursive: true })
    return await WriterLock.acquire(`${folder}.lock`, { place: folder })
  } catch (error) {
    if (!(error instanceof EsplanadeError && error.code === 'COLLECTION_LOCKED')) {
      throw fileError(error, dirname(folder), 'write')
    }
    throw new EsplanadeError('FILE_UNWRITABLE', {
      place: basename(folder),
      problem: error.problem,
      expected: 'one process that fetches it',
      remedy: 'Wait until that one has ended, then run again',
      cause: error
    })
  }
}
