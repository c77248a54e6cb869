import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EsplanadeError } from '../../errors.ts'
import { WriterLock } from '../writer-lock.ts'
import { type HubCache, sizeOf } from './hub-cache.ts'
import { etagOf, type HubFile } from './hub-tree.ts'

const POLL_MS = 200
/** Longer than any pause that a download makes: see `MAX_WAIT_MS` of the connection. */
const STUCK_MS = 120_000

/** What waiting for one's turn needs to know. */
export interface WaitOptions {
  readonly signal: AbortSignal | undefined
  /** Whether another process has finished the file. */
  readonly isThere: () => Promise<boolean>
  /** Hears how many bytes the other process has. */
  readonly onWait: (done: number) => void
}

/**
 * The right to go on with the incomplete file of a blob. It saves traffic and nothing else: where
 * its holder does nothing for long (on a host that cannot be asked, say), the next one begins a file
 * of its own, and both are whole when they get their name.
 */
export class DownloadTurn {
  /** The incomplete file. */
  readonly path: string
  readonly #lock: WriterLock | undefined

  private constructor(path: string, lock: WriterLock | undefined) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Waits for the turn.
   *
   * @returns undefined where another process has finished the file meanwhile
   * @throws EsplanadeError `FILE_UNWRITABLE`, `ABORTED`
   */
  static async take(
    cache: HubCache,
    file: HubFile,
    { signal, isThere, onWait }: WaitOptions
  ): Promise<DownloadTurn | undefined> {
    const shared = `${cache.blob(file)}.esplanade.incomplete`
    const lockFile = join(cache.locks, `${etagOf(file)}.esplanade.lock`)
    let lastSize: number | undefined
    let lastChange = performance.now()
    for (;;) {
      try {
        return new DownloadTurn(shared, await WriterLock.acquire(lockFile))
      } catch (error) {
        if (!(error instanceof EsplanadeError && error.code === 'COLLECTION_LOCKED')) throw error
      }
      if (await isThere()) return undefined
      const size = await sizeOf(shared)
      if (size !== lastSize) lastChange = performance.now()
      else if (performance.now() - lastChange > STUCK_MS) {
        const own = `${cache.blob(file)}.${randomBytes(4).toString('hex')}.incomplete`
        return new DownloadTurn(own, undefined)
      }
      lastSize = size
      onWait(Math.min(size ?? 0, file.size - 1))
      await sleep(POLL_MS, undefined, signal && { signal }).catch(cause => {
        throw new EsplanadeError('ABORTED', { problem: 'the download was stopped', cause })
      })
    }
  }

  /** Lets the next one go on. */
  async end(): Promise<void> {
    // A file of one's own is of no use to others.
    if (this.#lock === undefined) await rm(this.path, { force: true }).catch(() => undefined)
    else await this.#lock.release()
  }
}
