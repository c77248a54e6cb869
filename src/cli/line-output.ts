import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { EsplanadeError } from 'esplanade'
import { partialPath, unwritable } from './output-file.ts'
import { splitLines } from './split-lines.ts'
import { checkRecord, recordPath, type WorkRecord, writeRecord } from './work-record.ts'

/** Where lines go, one after the other. */
export interface LineOutput {
  /** @param line - without its line end */
  write(line: string): Promise<void>
}

/** Lines on standard output, no faster than they are taken away. */
export const stdoutLines: LineOutput = {
  write: async line => {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
  }
}

/** Lines are handed to the system in pieces of about this many characters. */
const BUFFER_CHARACTERS = 65_536
const LF = 0x0a
const OPEN_FLAGS = { refuse: 'ax', resume: 'a+', replace: 'w' } as const

/**
 * A file of lines that grows as `F.partial` and becomes `F` when it is whole, so that a run that was
 * cut short leaves its work behind and nothing that looks finished.
 */
export class PartialFile implements LineOutput {
  /** The file that grows. */
  readonly path: string
  readonly #target: string
  readonly #handle: FileHandle
  /** Bytes of the whole lines that an earlier run left. */
  readonly #bytesBefore: number
  #buffer = ''
  #numLines = 0

  private constructor(target: string, handle: FileHandle, bytesBefore: number) {
    this.path = partialPath(target)
    this.#target = target
    this.#handle = handle
    this.#bytesBefore = bytesBefore
  }

  /**
   * Begins `target`.
   *
   * @param leftOver - what becomes of the work that an earlier run left: `resume` goes on with it (a
   *   last line that was cut in the middle is taken away), `replace` begins anew
   * @param record - what decides the lines; kept beside the file until it is whole
   * @throws EsplanadeError `FILE_UNWRITABLE`, for `refuse` also where an earlier run left its work;
   *   `INVALID_ARGUMENT` for `resume` where that was begun with another record
   */
  static async open(
    target: string,
    leftOver: keyof typeof OPEN_FLAGS,
    record?: WorkRecord
  ): Promise<PartialFile> {
    const path = partialPath(target)
    try {
      // Only the last step, the renaming, would notice: after all the work.
      if ((await stat(target).catch(() => undefined))?.isDirectory()) {
        throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
      }
      const handle = await open(path, OPEN_FLAGS[leftOver])
      try {
        const end = leftOver === 'resume' ? await endOfLastLine(handle) : 0
        // It is there before the first line is.
        if (record !== undefined) await (end > 0 ? checkRecord : writeRecord)(path, record)
        if (leftOver === 'resume') await handle.truncate(end)
        return new PartialFile(target, handle, end)
      } catch (error) {
        await handle.close()
        throw error
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(target, cause)
      throw new EsplanadeError('FILE_UNWRITABLE', {
        place: path,
        problem: 'an earlier run left its work here',
        remedy: 'Continue it with --resume, or delete the file to begin anew',
        cause
      })
    }
  }

  /** Lines in the file, those of an earlier run counted once they have been read. */
  get numLines(): number {
    return this.#numLines
  }

  /** The lines that an earlier run left. */
  async *linesBefore(): AsyncGenerator<string> {
    if (this.#bytesBefore === 0) return
    for await (const line of wholeLines(this.path, this.#bytesBefore)) {
      this.#numLines++
      yield line
    }
  }

  async write(line: string): Promise<void> {
    this.#buffer += `${line}\n`
    this.#numLines++
    if (this.#buffer.length >= BUFFER_CHARACTERS) await this.#flush()
  }

  /** Ends writing; the file keeps its `.partial` name. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#handle.sync()
    await this.#handle.close()
  }

  /** All lines; after {@link end}. */
  lines(): AsyncGenerator<string> {
    return wholeLines(this.path)
  }

  /** Gives the file its name; after {@link end}. */
  async publish(): Promise<void> {
    await rm(recordPath(this.path), { force: true })
    await rename(this.path, this.#target).catch(cause => {
      throw unwritable(this.#target, cause)
    })
  }

  /** Deletes the file; after {@link end}. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
    await rm(recordPath(this.path), { force: true })
  }

  /**
   * Ends writing in the middle of the work and keeps what is there, for `resume`.
   *
   * @returns whether anything was worth keeping; an empty file is removed
   */
  async abandon(): Promise<boolean> {
    // What went wrong is known already; a flush that fails as well adds nothing to it.
    await this.#flush().catch(() => undefined)
    const { size } = await this.#handle.stat()
    await this.#handle.close()
    if (size === 0) await this.remove()
    return size > 0
  }

  /** Ends writing in the middle of the work and deletes the file. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await this.remove()
  }

  async #flush(): Promise<void> {
    const text = this.#buffer
    this.#buffer = ''
    await this.#handle.appendFile(text).catch(cause => {
      throw unwritable(this.path, cause)
    })
  }
}

/** The position after the last line end, found from the back of the file. */
async function endOfLastLine(handle: FileHandle): Promise<number> {
  const block = Buffer.alloc(65_536)
  let end = (await handle.stat()).size
  while (end > 0) {
    const start = Math.max(0, end - block.length)
    const { bytesRead } = await handle.read(block, 0, end - start, start)
    const lf = block.subarray(0, bytesRead).lastIndexOf(LF)
    if (lf >= 0) return start + lf + 1
    end = start
  }
  return 0
}

function wholeLines(path: string, numBytes?: number): AsyncGenerator<string> {
  const end = numBytes === undefined ? {} : { end: numBytes - 1 }
  return splitLines(createReadStream(path, { encoding: 'utf8', ...end }))
}
