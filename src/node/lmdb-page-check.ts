import { closeSync, openSync, readSync } from 'node:fs'
import { EsplanadeError } from '../errors.ts'

/**
 * LMDB believes its pages: a wrong number in one may end the process (SIGSEGV), or keep it in a loop.
 * So the B+ trees are walked before LMDB reads them. What is checked is what LMDB relies on: page
 * numbers, kinds, and that everything in a page lies within it. What records hold is not: they
 * have checksums of their own.
 *
 * A page, little-endian (`MDB_page_header` and `MDB_node` of LMDB 1.0):
 *
 *     0   u64  its number
 *     8   u64  the transaction that wrote it
 *     18  u16  kind: 1 branch, 2 leaf, 4 overflow
 *     20  u16  where the offsets of its nodes end      (overflow: 20  u32  how many pages)
 *     22  u16  where its nodes begin
 *     24  u16  offset of each node
 *
 * Offsets in a page are counted from its byte 24.
 *
 * A node: u32 size of its data, u16 flags (1: the data is on overflow pages, 2: it is a tree), u16
 * size of its key, key, data. In a branch the first three u16 are the number of the page below.
 */
const HEADER_BYTES = 24
const NODE_BYTES = 8
const BRANCH = 1
const LEAF = 2
const OVERFLOW = 4
const ON_OVERFLOW = 1
const IS_TREE = 2
/** `MDB_ovpage`: number, transaction, pages. */
const OVERFLOW_PLACE_BYTES = 24
/** `MDB_db`: u16 depth at 6, entries, u64 root at 40. */
const TREE_BYTES = 48
const NO_ROOT = 2n ** 64n - 1n
const MAX_DEPTH = 32

/** What a meta page says of the file. */
export interface LmdbMeta {
  readonly pageBytes: number
  readonly lastPage: number
  readonly transaction: bigint
  /** The two trees of a meta page, `MDB_db` each: free pages, and the names of databases. */
  readonly trees: readonly Buffer[]
}

/** How much is looked at. */
export interface PageCheckOptions {
  /**
   * Also leaves and overflow pages, that is the whole file; otherwise only the branches above them,
   * about a hundredth of it.
   */
  readonly leaves: boolean
  /** Length of the file: no tree may name a page beyond it. */
  readonly fileBytes: number
}

/**
 * Walks the trees of an LMDB file that nobody writes to.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, with the number of the page; the system's error
 */
export function checkLmdbPages(path: string, meta: LmdbMeta, options: PageCheckOptions): void {
  const file = openSync(path, 'r')
  try {
    const walk = new PageWalk(file, path, meta, options)
    const [free, main] = meta.trees
    // Free pages are sorted as numbers, all else by bytes.
    walk.tree(free!, 'the free pages', false)
    walk.tree(main!, 'the trees', true)
  } finally {
    closeSync(file)
  }
}

class PageWalk {
  readonly #file: number
  readonly #path: string
  readonly #meta: LmdbMeta
  readonly #leaves: boolean
  /** Pages that are there and in use. */
  readonly #numPages: number
  readonly #seen: Uint8Array
  /** One page a level. */
  readonly #buffers: Buffer[] = []

  constructor(file: number, path: string, meta: LmdbMeta, options: PageCheckOptions) {
    this.#file = file
    this.#path = path
    this.#meta = meta
    this.#leaves = options.leaves
    this.#numPages = Math.min(meta.lastPage + 1, Math.floor(options.fileBytes / meta.pageBytes))
    this.#seen = new Uint8Array(Math.ceil(this.#numPages / 8))
  }

  /** @param what - where its description was found */
  tree(description: Buffer, what: string, isByBytes: boolean, level: number = 0): void {
    const root = description.readBigUInt64LE(40)
    if (root === NO_ROOT) return
    const depth = description.readUInt16LE(6)
    if (depth < 1 || depth > MAX_DEPTH) this.#refuse(what, `a tree of ${depth} levels`)
    this.#page(Number(root), depth, isByBytes, level)
  }

  /** @param height - 1 for a leaf */
  #page(number: number, height: number, isByBytes: boolean, level: number): void {
    const isMain = level === 0 || this.#leaves
    // The names of the databases, and where their trees are, are always looked at.
    if (height === 1 && !isMain) {
      this.#checkNumber(number)
      return
    }
    const page = this.#read(number, level)
    const kind = page.readUInt16LE(18)
    const what = `page ${number}`
    if (kind !== (height === 1 ? LEAF : BRANCH)) this.#refuse(what, `it is of kind ${kind}`)
    const [end, begin] = [20, 22].map(at => HEADER_BYTES + page.readUInt16LE(at)) as [
      number,
      number
    ]
    if (end < HEADER_BYTES || end > begin || begin > page.length || end % 2 !== 0) {
      this.#refuse(what, `its nodes begin at ${begin}, their offsets end at ${end}`)
    }
    if (height > 1 && end === HEADER_BYTES) this.#refuse(what, 'it is empty')
    let before: Buffer | undefined
    for (let at = HEADER_BYTES; at < end; at += 2) {
      const node = HEADER_BYTES + page.readUInt16LE(at)
      if (node < begin || node + NODE_BYTES > page.length) this.#refuse(what, `a node at ${node}`)
      const dataAt = node + NODE_BYTES + page.readUInt16LE(node + 6)
      if (dataAt > page.length) this.#refuse(what, `the key of the node at ${node} is too long`)
      const key = page.subarray(node + NODE_BYTES, dataAt)
      // The first key of a branch says nothing.
      if (isByBytes && (height === 1 || at > HEADER_BYTES)) {
        if (before && Buffer.compare(before, key) >= 0) this.#refuse(what, 'keys out of order')
        before = key
      }
      if (height > 1) {
        const below = page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32
        this.#page(below, height - 1, isByBytes, level + 1)
      } else this.#leafNode(page, node, dataAt, what, level)
    }
  }

  #leafNode(page: Buffer, node: number, dataAt: number, what: string, level: number): void {
    const [numBytes, flags] = [page.readUInt32LE(node), page.readUInt16LE(node + 4)]
    const inPage = flags & ON_OVERFLOW ? OVERFLOW_PLACE_BYTES : numBytes
    if (dataAt + inPage > page.length) this.#refuse(what, `the node at ${node} is too long`)
    if (flags & ON_OVERFLOW) {
      const first = Number(page.readBigUInt64LE(dataAt))
      const numPages = Number(page.readBigUInt64LE(dataAt + 16))
      this.#overflow(first, numPages, numBytes, what, level + 1)
    } else if (flags & IS_TREE) {
      if (numBytes !== TREE_BYTES) this.#refuse(what, `a tree described in ${numBytes} bytes`)
      this.tree(page.subarray(dataAt, dataAt + TREE_BYTES), what, true, level + 1)
    }
  }

  #overflow(first: number, numPages: number, numBytes: number, what: string, level: number): void {
    const { pageBytes } = this.#meta
    const fits = numBytes <= numPages * pageBytes - HEADER_BYTES
    if (!fits || numPages > 1 + Math.ceil((numBytes + HEADER_BYTES) / pageBytes)) {
      this.#refuse(what, `${numBytes} bytes on ${numPages} overflow pages`)
    }
    this.#checkNumber(first + numPages - 1)
    const page = this.#read(first, level)
    const place = `page ${first}`
    if (page.readUInt16LE(18) !== OVERFLOW) this.#refuse(place, 'it is no overflow page')
    if (page.readUInt32LE(20) !== numPages) this.#refuse(place, 'it has another number of pages')
  }

  #read(number: number, level: number): Buffer {
    this.#checkNumber(number)
    const bit = 1 << (number & 7)
    const what = `page ${number}`
    if (this.#seen[number >>> 3]! & bit) this.#refuse(what, 'two places name it')
    this.#seen[number >>> 3]! |= bit
    const { pageBytes, transaction } = this.#meta
    this.#buffers[level] ??= Buffer.alloc(pageBytes)
    const page = this.#buffers[level]!
    if (readSync(this.#file, page, 0, pageBytes, number * pageBytes) !== pageBytes) {
      this.#refuse(what, 'the file ends within it')
    }
    const given = page.readBigUInt64LE(0)
    if (given !== BigInt(number)) this.#refuse(what, `it has the number ${given}`)
    if (page.readBigUInt64LE(8) > transaction) this.#refuse(what, 'it is newer than the file')
    return page
  }

  /** Pages 0 and 1 are the meta pages. */
  #checkNumber(number: number): void {
    if (number >= 2 && number < this.#numPages) return
    this.#refuse('a tree', `it names page ${number} of ${this.#numPages}`)
  }

  #refuse(what: string, problem: string): never {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place: this.#path,
      problem: `the store is damaged: ${what}: ${problem}`,
      remedy: 'Restore the collection from a backup'
    })
  }
}
