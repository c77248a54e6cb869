import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EsplanadeError } from '../../errors.ts'
import { syncFolder } from '../atomic-file.ts'
import { fileError } from '../file-error.ts'
import { atIntervals } from '../http/at-intervals.ts'
import { FileDownload, type FileToFetch } from '../http/file-download.ts'
import type { HttpResponse } from '../http/http-connection.ts'
import { beginHash } from './content-hash.ts'
import { DownloadTurn } from './download-turn.ts'
import { type HubCache, sizeOf } from './hub-cache.ts'
import type { HubConnection } from './hub-connection.ts'
import { etagOf, type HubFile } from './hub-tree.ts'

/** A file that is to be fetched. */
export interface WantedFile {
  readonly commit: string
  /** Its path in the model. */
  readonly path: string
  readonly file: HubFile
}

/**
 * Fetches a file into the cache, unless its blob is there. What an earlier call got before it was cut
 * off is gone on with, by a range; what arrives is checked against the hub's checksum before it gets
 * its name. Of several processes one fetches, and the others wait for it.
 *
 * @param replace - fetches it though a blob of the right length is there, and replaces that
 * @throws EsplanadeError `DOWNLOAD_FAILED`, `MODEL_FORBIDDEN`, `FILE_UNWRITABLE`, `ABORTED`
 */
export async function downloadBlob(
  connection: HubConnection,
  cache: HubCache,
  wanted: WantedFile,
  replace: boolean = false
): Promise<void> {
  const blob = cache.blob(wanted.file)
  const { size } = wanted.file
  const isThere = async () => (await sizeOf(blob)) === size
  if (!replace && (await isThere())) return
  try {
    await mkdir(dirname(blob), { recursive: true })
    await mkdir(cache.locks, { recursive: true })
  } catch (cause) {
    throw fileError(cause, dirname(blob), 'write')
  }
  const file = fileToFetch(connection, wanted)
  const turn = await DownloadTurn.take(cache, wanted.file, {
    signal: connection.signal,
    isThere: replace ? async () => false : isThere,
    onWait: done => file.report(done, size)
  })
  if (turn === undefined) return file.report(size, size)
  try {
    if (!replace && (await isThere())) return file.report(size, size)
    await new FileDownload(connection, file, turn.path).run()
    await rename(turn.path, blob)
    await syncFolder(dirname(blob))
  } catch (cause) {
    throw fileError(cause, blob, 'write')
  } finally {
    await turn.end()
  }
}

function fileToFetch({ asked, settings }: HubConnection, wanted: WantedFile): FileToFetch {
  const { commit, path, file } = wanted
  const { endpoint, model } = asked
  const inUrl = path.split('/').map(encodeURIComponent).join('/')
  return {
    url: `${endpoint}/${model}/resolve/${commit}/${inUrl}`,
    size: file.size,
    checksum: etagOf(file),
    beginHash: () => beginHash(file),
    objection: response => otherFile(response, file),
    wrong: problem =>
      new EsplanadeError('DOWNLOAD_FAILED', {
        place: `${model}/${path}`,
        problem: `what was sent is not the file that the hub lists: ${problem}`,
        expected: `${file.size} bytes of the checksum ${etagOf(file)}`,
        remedy: 'Try again later; if it stays so, a proxy or a mirror (HF_ENDPOINT) alters files'
      }),
    roomRemedy: 'Free some space, or name a cache on another disk: HF_HUB_CACHE',
    report: atIntervals(done =>
      settings.onDownload?.({ model, file: path, done, total: file.size })
    )
  }
}

/** The hub says the SHA-256 of a large file before it sends one elsewhere. */
function otherFile({ headers, redirects }: HttpResponse, { sha256 }: HubFile): string | undefined {
  if (sha256 === undefined) return undefined
  const linked = [...redirects, headers]
    // Only what is a SHA-256: of small files the header may hold something else.
    .map(each => each.get('x-linked-etag')?.match(/^(?:W\/)?"?([0-9a-f]{64})"?$/)?.[1])
    .find(etag => etag !== undefined)
  if (linked === undefined || linked === sha256) return undefined
  return `the server has another file of this name: ${linked}`
}
