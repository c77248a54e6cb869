import type { Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EsplanadeError } from '../../errors.ts'
import { syncFolder } from '../atomic-file.ts'
import { fileError } from '../file-error.ts'
import { beginHash, hashFile } from './content-hash.ts'
import { DownloadTurn } from './download-turn.ts'
import { type HubCache, sizeOf } from './hub-cache.ts'
import type { HubConnection, HubResponse } from './hub-connection.ts'
import { PassingError } from './hub-errors.ts'
import { etagOf, type HubFile } from './hub-tree.ts'

/** A file that is to be fetched. */
export interface WantedFile {
  readonly commit: string
  /** Its path in the model. */
  readonly path: string
  readonly file: HubFile
}

const REPORT_INTERVAL_MS = 100

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
  const isThere = async () => (await sizeOf(blob)) === wanted.file.size
  if (!replace && (await isThere())) return
  try {
    await mkdir(dirname(blob), { recursive: true })
    await mkdir(cache.locks, { recursive: true })
  } catch (cause) {
    throw fileError(cause, dirname(blob), 'write')
  }
  const report = reporter(connection, wanted)
  const turn = await DownloadTurn.take(cache, wanted.file, {
    signal: connection.settings.signal,
    isThere: replace ? async () => false : isThere,
    onWait: report
  })
  if (turn === undefined) return report(wanted.file.size)
  try {
    if (!replace && (await isThere())) return report(wanted.file.size)
    await new Download(connection, wanted, turn.path, report).run()
    await rename(turn.path, blob)
    await syncFolder(dirname(blob))
  } catch (cause) {
    throw fileError(cause, blob, 'write')
  } finally {
    await turn.end()
  }
}

/** Hands on how far it is, some times a second and at the end. */
function reporter({ asked, settings }: HubConnection, { path, file }: WantedFile) {
  let last = Number.NEGATIVE_INFINITY
  let isReported = false
  return (done: number): void => {
    const now = performance.now()
    const isEnd = done === file.size
    if (isEnd ? isReported : now - last < REPORT_INTERVAL_MS) return
    last = now
    isReported = isEnd
    settings.onDownload?.({ model: asked.model, file: path, done, total: file.size })
  }
}

/** The bytes of one file on their way. */
class Download {
  readonly #connection: HubConnection
  readonly #wanted: WantedFile
  readonly #path: string
  readonly #report: (done: number) => void
  #handle!: FileHandle
  #hash: Hash
  /** Bytes in the file, all of them in the checksum. */
  #done = 0
  /** The most that there ever were: only beyond it is progress. */
  #furthest = 0

  constructor(
    connection: HubConnection,
    wanted: WantedFile,
    path: string,
    report: (done: number) => void
  ) {
    this.#connection = connection
    this.#wanted = wanted
    this.#path = path
    this.#report = report
    this.#hash = beginHash(wanted.file)
  }

  /** Leaves a whole file that is on the disk. */
  async run(): Promise<void> {
    this.#handle = await open(this.#path, constants.O_RDWR | constants.O_CREAT)
    try {
      await this.#takeUp()
      await this.#refuseFullDisk()
      for (let hasFailed = false; ; hasFailed = true) {
        await this.#fetchAll()
        const found = this.#hash.digest('hex')
        if (found === etagOf(this.#wanted.file)) break
        // What an earlier run left may have been wrong: once more, from the beginning.
        await this.#restart()
        if (hasFailed) throw this.#wrong(`its checksum is ${found}`)
      }
      await this.#handle.sync()
    } finally {
      await this.#handle.close()
    }
  }

  /** Goes on with what is there. */
  async #takeUp(): Promise<void> {
    const { size } = await this.#handle.stat()
    if (size > this.#wanted.file.size) return this.#restart()
    const { signal } = this.#connection.settings
    await hashFile(this.#hash, this.#path, { numBytes: size, signal })
    this.#done = size
    this.#furthest = size
  }

  async #restart(): Promise<void> {
    await this.#handle.truncate(0)
    this.#hash = beginHash(this.#wanted.file)
    this.#done = 0
  }

  async #refuseFullDisk(): Promise<void> {
    const { size } = this.#wanted.file
    const disk = await statfs(dirname(this.#path)).catch(() => undefined)
    if (disk === undefined) return
    const free = disk.bavail * disk.bsize
    if (size - this.#done <= free) return
    throw new EsplanadeError('FILE_UNWRITABLE', {
      place: this.#path,
      problem: `${this.#wanted.path} has ${size} bytes, and the disk has ${free} free`,
      remedy: 'Free some space, or name a cache on another disk: HF_HUB_CACHE'
    })
  }

  async #fetchAll(): Promise<void> {
    let before = this.#furthest
    this.#report(this.#done)
    await this.#connection.retrying(
      () => this.#fetchRest(),
      () => {
        const progressed = this.#furthest > before
        before = this.#furthest
        return progressed
      }
    )
  }

  async #fetchRest(): Promise<void> {
    const { size, sha256 } = this.#wanted.file
    if (this.#done === size && size > 0) return
    const response = await this.#connection.request(this.#url(), {
      // Else a range would be one of packed bytes.
      'accept-encoding': 'identity',
      ...(this.#done > 0 && { range: `bytes=${this.#done}-` })
    })
    const { linkedEtag } = response
    if (sha256 !== undefined && linkedEtag !== undefined && linkedEtag !== sha256) {
      response.cancel()
      throw this.#wrong(`the server has another file of this name: ${linkedEtag}`)
    }
    await this.#agreeOnStart(response)
    for await (const piece of response.body) {
      if (this.#done + piece.length > size) {
        await this.#restart()
        throw this.#wrong(`more than ${size} bytes arrive`)
      }
      await this.#write(piece)
    }
    if (this.#done < size) {
      throw new PassingError(`the connection ended after ${this.#done} of ${size} bytes`)
    }
  }

  /** A server that knows no ranges begins anew, and so do we. */
  async #agreeOnStart(response: HubResponse): Promise<void> {
    if (response.status === 200) {
      if (this.#done > 0) await this.#restart()
      return
    }
    const range = response.headers.get('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/)
    const { size } = this.#wanted.file
    const isRight = Number(range?.[1]) === this.#done && ['*', `${size}`].includes(range?.[2] ?? '')
    if (response.status === 206 && isRight) return
    response.cancel()
    await this.#restart()
    throw new PassingError('the server does not give the part of the file that was asked for')
  }

  async #write(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await this.#handle.write(
        piece,
        at,
        piece.length - at,
        this.#done + at
      )
      at += bytesWritten
    }
    this.#hash.update(piece)
    this.#done += piece.length
    this.#furthest = Math.max(this.#furthest, this.#done)
    this.#report(this.#done)
  }

  #url(): string {
    const { endpoint, model } = this.#connection.asked
    const path = this.#wanted.path.split('/').map(encodeURIComponent).join('/')
    return `${endpoint}/${model}/resolve/${this.#wanted.commit}/${path}`
  }

  #wrong(problem: string): EsplanadeError {
    const { file, path } = this.#wanted
    return new EsplanadeError('DOWNLOAD_FAILED', {
      place: `${this.#connection.asked.model}/${path}`,
      problem: `what was sent is not the file that the hub lists: ${problem}`,
      expected: `${file.size} bytes of the checksum ${etagOf(file)}`,
      remedy: 'Try again later; if it stays so, a proxy or a mirror (HF_ENDPOINT) alters files'
    })
  }
}
