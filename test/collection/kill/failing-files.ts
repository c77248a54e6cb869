import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

type AnyFunction = (...args: never[]) => Promise<unknown>

/** What changes something on a disk. */
const CHANGES = ['mkdir', 'rename', 'copyFile', 'writeFile', 'link', 'rm'] as const

/**
 * A disk that fails: in a folder, the n-th change of any kind (a write, a flush, a new file, a rename …)
 * is refused, and, if it is to be so, all that follow, until there is room again. Only for what goes
 * through `node:fs/promises`, not for LMDB.
 */
export class FailingFiles {
  readonly #folder: string
  readonly #original = { ...fs }
  #numLeft = Number.POSITIVE_INFINITY
  #isLasting = false
  #code = 'EIO'
  #numFailed = 0
  /** What was refused, for messages. */
  last = ''

  constructor(folder: string) {
    this.#folder = folder
    const patched = fs as unknown as Record<string, AnyFunction>
    for (const name of CHANGES) {
      const real = this.#original[name] as unknown as AnyFunction
      patched[name] = async (...args) => {
        this.#pass(name, args)
        return real(...args)
      }
    }
    patched.open = async (...args: unknown[]) => this.#open(args as Parameters<typeof fs.open>)
    syncBuiltinESMExports()
  }

  /** How many changes were refused since {@link FailingFiles.fail}. */
  get numFailed(): number {
    return this.#numFailed
  }

  fail(code: string, n: number, isLasting: boolean): void {
    this.#code = code
    this.#numLeft = n
    this.#isLasting = isLasting
    this.#numFailed = 0
  }

  /** There is room again. */
  heal(): void {
    this.#numLeft = Number.POSITIVE_INFINITY
  }

  restore(): void {
    Object.assign(fs, this.#original)
    syncBuiltinESMExports()
  }

  async #open(args: Parameters<typeof fs.open>): Promise<FileHandle> {
    const [path, flags] = args
    const isForWriting = flags !== undefined && flags !== 'r'
    if (isForWriting) this.#pass('open', [path])
    const file = await this.#original.open(...args)
    const [write, sync] = [file.write.bind(file), file.sync.bind(file)]
    const pass = (what: string): void => this.#pass(what, [path])
    Object.assign(file, {
      write: async (...rest: Parameters<typeof write>) => {
        pass('write')
        return write(...rest)
      },
      sync: async () => {
        pass('sync')
        return sync()
      }
    })
    return file
  }

  #pass(what: string, args: readonly unknown[]): void {
    if (!args.some(arg => typeof arg === 'string' && arg.startsWith(this.#folder))) return
    if (--this.#numLeft > 0 || (this.#numLeft < 0 && !this.#isLasting)) return
    this.#numFailed++
    this.last = `${what} ${args[0]}`
    throw Object.assign(new Error(`${this.#code}: injected`), { code: this.#code })
  }
}
