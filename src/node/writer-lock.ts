import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { link, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'

/** Who holds a lock, as JSON in its file. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  /** When the process began, as the platform says it; empty where that is not known. */
  readonly processStart: string
  /** Another at each acquisition. */
  readonly token: string
}

/** Options of {@link WriterLock.acquire}. */
export interface WriterLockOptions {
  /** What is locked, for messages; default: the folder of the lock file. */
  readonly place?: string
}

/**
 * A lock file that says nothing: who made it is about to write it, or was killed before. Past this
 * age it is the latter. (It only comes from file systems without hard links.)
 */
const UNWRITTEN_MS = 2000
/** How long a takeover by another process is waited for; it takes about a millisecond. */
const TAKEOVER_MS = 5000
const MAX_WAIT_MS = 100

const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Lock files that this process holds. */
const held = new Set<string>()

/** Tokens that this process gave back, though their files could not be removed. */
const givenBack = new Set<string>()

/**
 * The right to write to a collection, held by one process: a file that says who holds it. A process
 * that ended does not keep it, however it ended: its process id is gone, or belongs to a process that
 * began at another time, or the machine has been started anew.
 *
 * The file appears with its content (a hard link to a file written before), so nobody reads half of
 * it. To take the file of a dead process over, one must hold a lock beside it, `….takeover`, and
 * under that lock find the dead process still named: of many that try, one replaces the file, and
 * the others then read its name. A process that dies while it takes over leaves `….takeover` behind,
 * which is taken over in the same way.
 *
 * A holder on another host cannot be asked, and is refused. Whoever deletes the file of a living
 * holder lets a second writer in; see {@link WriterLock.isHeld}.
 */
export class WriterLock {
  readonly holder: LockHolder
  readonly #path: string

  private constructor(path: string, holder: LockHolder) {
    this.#path = path
    this.holder = holder
  }

  /**
   * Takes the lock.
   *
   * @param path - the lock file; its folder must exist
   * @throws EsplanadeError `COLLECTION_LOCKED`, `FILE_UNWRITABLE`
   */
  static async acquire(path: string, options: WriterLockOptions = {}): Promise<WriterLock> {
    const place = options.place ?? dirname(path)
    try {
      const file = join(await realpath(dirname(path)), basename(path))
      const own = await ownHolder()
      if (held.has(file)) throw locked(path, place, own)
      held.add(file)
      try {
        const other = await takeFile(file, own)
        if (other !== undefined) throw locked(path, place, other)
      } catch (error) {
        held.delete(file)
        // Its file may be in place.
        givenBack.add(own.token)
        throw error
      }
      return new WriterLock(file, own)
    } catch (error) {
      throw fileError(error, path, 'write')
    }
  }

  /** Whether the file still names this holder; nobody but a person takes that away. */
  async isHeld(): Promise<boolean> {
    if (!held.has(this.#path)) return false
    const found = await readLock(this.#path)
    return found?.holder?.token === this.holder.token
  }

  /**
   * Gives the lock back; a file that names another holder by now stays.
   *
   * @throws EsplanadeError `FILE_UNWRITABLE`; this process may take it again nevertheless
   */
  async release(): Promise<void> {
    try {
      if (await this.isHeld()) await rm(this.#path, { force: true })
    } catch (error) {
      givenBack.add(this.holder.token)
      throw fileError(error, this.#path, 'write')
    } finally {
      held.delete(this.#path)
    }
  }
}

/** Puts a file with our name at the path; gives the holder that is in the way. */
async function takeFile(path: string, own: LockHolder): Promise<LockHolder | undefined> {
  const written = `${path}.${own.pid}-${own.token}`
  await writeFile(written, JSON.stringify(own))
  try {
    const deadline = Date.now() + TAKEOVER_MS
    // Many that wait must not keep the one from its work that they wait for.
    for (let waitMs = 5; ; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
      if (await createFrom(written, path)) return undefined
      const found = await readLock(path)
      if (found === undefined) continue
      if (found.holder !== undefined && (await isAlive(found.holder))) return found.holder
      const isWritten = found.holder !== undefined || found.ageMs >= UNWRITTEN_MS
      if (isWritten && (await replaceDead(path, found.content, written, own))) return undefined
      if (Date.now() > deadline) throw new Error(`${path}.takeover stays held`)
      await sleep(waitMs * Math.random())
    }
  } finally {
    // One that stays is in nobody's way.
    await rm(written, { force: true }).catch(() => undefined)
  }
}

/** Replaces the file of a dead holder, unless another process does or did. */
async function replaceDead(path: string, dead: string, written: string, own: LockHolder) {
  const takeover = `${path}.takeover`
  // Another token, so that the files that the two locks are written to differ.
  const token = randomUUID()
  if ((await takeFile(takeover, { ...own, token })) !== undefined) return false
  try {
    if ((await readLock(path))?.content !== dead) return false
    await rename(written, path)
    return true
  } finally {
    await rm(takeover, { force: true }).catch(() => givenBack.add(token))
  }
}

/** Whether the path was free, and is ours now. */
async function createFrom(written: string, path: string): Promise<boolean> {
  try {
    await link(written, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (!NO_HARD_LINKS.has(code ?? '')) throw error
  }
  try {
    await writeFile(path, await readFile(written), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

interface FoundLock {
  readonly content: string
  /** Absent where the content is none of ours. */
  readonly holder: LockHolder | undefined
  readonly ageMs: number
}

async function readLock(path: string): Promise<FoundLock | undefined> {
  try {
    const content = await readFile(path, 'utf8')
    const { mtimeMs } = await stat(path)
    return { content, holder: parseHolder(content), ageMs: Date.now() - mtimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parseHolder(content: string): LockHolder | undefined {
  try {
    const { pid, host, processStart, token } = JSON.parse(content) as Partial<LockHolder>
    const isWhole =
      Number.isSafeInteger(pid) &&
      pid! > 0 &&
      [host, processStart, token].every(part => typeof part === 'string')
    return isWhole
      ? { pid: pid!, host: host!, processStart: processStart!, token: token! }
      : undefined
  } catch {
    return undefined
  }
}

async function ownHolder(): Promise<LockHolder> {
  const { pid } = process
  return {
    pid,
    host: hostname(),
    processStart: (await processStart(pid)) ?? '',
    token: randomUUID()
  }
}

/** Whether a holder may still write: on another host, who knows. */
async function isAlive(holder: LockHolder): Promise<boolean> {
  if (holder.host !== hostname()) return true
  if (givenBack.has(holder.token)) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // No permission to signal it: there is such a process.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const start = await processStart(holder.pid)
  return start === undefined || holder.processStart === '' || start === holder.processStart
}

/** When a process began; undefined where the platform does not tell. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      const line = await readFile(`/proc/${pid}/stat`, 'utf8')
      // The name of the program, in parentheses, may hold anything; 19 fields on, in ticks since boot.
      const ticks = line.slice(line.lastIndexOf(')') + 2).split(' ')[19]
      const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
      return `${boot.trim()} ${ticks}`
    }
    if (process.platform === 'win32') return undefined
    const ps = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
    })
    return ps.stdout.trim() || undefined
  } catch {
    return undefined
  }
}

function locked(path: string, place: string, { pid, host }: LockHolder): EsplanadeError {
  const where = host === hostname() ? 'this machine' : `the host ${host}`
  const who = pid === process.pid && host === hostname() ? 'this process' : 'another process'
  return new EsplanadeError('COLLECTION_LOCKED', {
    place,
    problem: `${who} writes to it: pid ${pid} on ${where}`,
    expected: 'one writer at a time; any number of processes may read',
    remedy:
      host === hostname()
        ? 'Close it there first, or open it for reading only'
        : `Close it there first; if that process is gone, delete ${path}`
  })
}
