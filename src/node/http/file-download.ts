import type { Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EsplanadeError } from '../../errors.ts'
import { addToHash } from './add-to-hash.ts'
import type { HttpConnection, HttpResponse } from './http-connection.ts'
import { PassingError } from './passing-error.ts'

/** A file that is to be fetched, and what is known of it beforehand. */
export interface FileToFetch {
  readonly url: string
  /** Bytes; undefined where only the server knows. */
  readonly size: number | undefined
  /** Of the content, as `beginHash` makes it, in hexadecimal digits. */
  readonly checksum: string
  beginHash(): Hash
  /** What an answer says against itself before its bytes have come; undefined: nothing. */
  objection?(response: HttpResponse): string | undefined
  /** The error that other bytes than the right ones are. */
  wrong(problem: string): EsplanadeError
  /** What to do where the disk has not enough room. */
  readonly roomRemedy: string
  /** @param total - undefined until somebody has said it */
  report(done: number, total: number | undefined): void
}

/**
 * The bytes of one file on their way. What an earlier run got before it was cut off is gone on with, by
 * a range; the end is checked against the checksum.
 */
export class FileDownload {
  readonly #connection: HttpConnection
  readonly #wanted: FileToFetch
  readonly #path: string
  #handle!: FileHandle
  #hash: Hash
  #size: number | undefined
  /** Bytes in the file, all of them in the checksum. */
  #done = 0
  /** The most that there ever were: only beyond it is progress. */
  #furthest = 0

  /** @param path - where it grows; who calls sees to it that nobody else writes there */
  constructor(connection: HttpConnection, wanted: FileToFetch, path: string) {
    this.#connection = connection
    this.#wanted = wanted
    this.#path = path
    this.#hash = wanted.beginHash()
    this.#size = wanted.size
  }

  /**
   * Leaves a whole file that is on the disk.
   *
   * @throws EsplanadeError what `wanted` and the connection make of failures, `FILE_UNWRITABLE` where
   *   there is not enough room; the system's error
   */
  async run(): Promise<void> {
    this.#handle = await open(this.#path, constants.O_RDWR | constants.O_CREAT)
    try {
      await this.#takeUp()
      if (this.#size !== undefined) await this.#refuseFullDisk(this.#size)
      for (let hasFailed = false; ; hasFailed = true) {
        await this.#fetchAll()
        const found = this.#digest()
        if (found === this.#wanted.checksum) break
        // What an earlier run left may have been wrong: once more, from the beginning.
        await this.#restart()
        if (hasFailed) throw this.#wanted.wrong(`its checksum is ${found}`)
      }
      await this.#handle.sync()
    } finally {
      await this.#handle.close()
    }
  }

  /** Goes on with what is there. */
  async #takeUp(): Promise<void> {
    const { size } = await this.#handle.stat()
    if (size > (this.#size ?? size)) return this.#restart()
    const { signal } = this.#connection
    await addToHash(this.#hash, this.#path, { numBytes: size, signal })
    this.#done = size
    this.#furthest = size
  }

  async #restart(): Promise<void> {
    await this.#handle.truncate(0)
    this.#hash = this.#wanted.beginHash()
    this.#size = this.#wanted.size
    this.#done = 0
  }

  async #refuseFullDisk(size: number): Promise<void> {
    const disk = await statfs(dirname(this.#path)).catch(() => undefined)
    if (disk === undefined) return
    const free = disk.bavail * disk.bsize
    if (size - this.#done <= free) return
    throw new EsplanadeError('FILE_UNWRITABLE', {
      place: this.#path,
      problem: `the file has ${size} bytes, and the disk has ${free} free`,
      remedy: this.#wanted.roomRemedy
    })
  }

  async #fetchAll(): Promise<void> {
    let before = this.#furthest
    this.#report()
    await this.#connection.retrying(
      () => this.#fetchRest(),
      () => {
        const progressed = this.#furthest > before
        before = this.#furthest
        return progressed
      }
    )
  }

  /** Whether nothing is left to be asked for. */
  #isWhole(): boolean {
    if (this.#done === 0) return false
    if (this.#size !== undefined) return this.#done === this.#size
    return this.#digest() === this.#wanted.checksum
  }

  #digest(): string {
    return this.#hash.copy().digest('hex')
  }

  async #fetchRest(): Promise<void> {
    if (this.#isWhole()) return
    const response = await this.#connection.request(this.#wanted.url, {
      // Else a range would be one of packed bytes.
      'accept-encoding': 'identity',
      ...(this.#done > 0 && { range: `bytes=${this.#done}-` })
    })
    const objection = this.#wanted.objection?.(response)
    if (objection !== undefined) {
      response.cancel()
      throw this.#wanted.wrong(objection)
    }
    await this.#agreeOnStart(response)
    for await (const piece of response.body) {
      const size = this.#size ?? Number.POSITIVE_INFINITY
      if (this.#done + piece.length > size) {
        await this.#restart()
        throw this.#wanted.wrong(`more than ${size} bytes arrive`)
      }
      await this.#write(piece)
    }
    if (this.#done < (this.#size ?? 0)) {
      throw new PassingError(`the connection ended after ${this.#done} of ${this.#size} bytes`)
    }
  }

  /** A server that knows no ranges begins anew, and so do we. */
  async #agreeOnStart(response: HttpResponse): Promise<void> {
    if (response.status === 200) {
      if (this.#done > 0) await this.#restart()
      await this.#learnSize(response, response.headers.get('content-length'))
      return
    }
    const range = response.headers.get('content-range')?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/)
    const total = range?.[2] ?? ''
    const isRightTotal = total === '*' || (this.#size ?? Number(total)) === Number(total)
    if (response.status === 206 && Number(range?.[1]) === this.#done && isRightTotal) {
      await this.#learnSize(response, total === '*' ? null : total)
      return
    }
    response.cancel()
    await this.#restart()
    throw new PassingError('the server does not give the part of the file that was asked for')
  }

  /** Takes the server's word for the size, where there is no other. */
  async #learnSize(response: HttpResponse, total: string | null): Promise<void> {
    if (this.#size !== undefined || total === null) return
    this.#size = Number(total)
    try {
      await this.#refuseFullDisk(this.#size)
    } catch (error) {
      response.cancel()
      throw error
    }
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
    this.#report()
  }

  #report(): void {
    this.#wanted.report(this.#done, this.#size)
  }
}
