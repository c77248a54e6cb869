import { blockMaxSearch } from './block-max-pruning.ts'
import { documentSearch } from './document-at-a-time.ts'
import { type MemoryViews, RequestFields, viewsOf } from './memory-views.ts'
import { type ScratchSize, scratchLayout } from './scratch.ts'
import { smallestScore } from './smallest-score.ts'
import { PLAIN_WASM, SHARED_WASM } from './wasm-bytes.ts'
import { windowSearch } from './window-search.ts'
import { xxh32 } from './xxh32.ts'

/** What both kernels do. Addresses are bytes in the memory. */
export interface Kernel {
  /** Whether this is the WebAssembly one. */
  readonly isWasm: boolean
  /** Answers the request at this address; see {@link windowSearch}. */
  windowSearch(request: number): number
  /** Answers the request at this address; see {@link blockMaxSearch}. */
  blockMaxSearch(request: number): number
  /** Answers the request at this address; see {@link documentSearch}. */
  documentSearch(request: number): number
  /** The smallest score of those that the request is about; see {@link smallestScore}. */
  smallestScore(request: number): number
  /** Checksum of bytes of the memory, possibly negative; see {@link xxh32}. */
  xxh32(start: number, length: number): number
}

/** Which kernel a memory is made for. */
export type KernelChoice = 'auto' | 'typescript'

const PAGE_BYTES = 65_536
const MAX_PAGES = 65_536

/** What WebAssembly can address. */
export const MAX_MEMORY_BYTES: number = PAGE_BYTES * MAX_PAGES

/**
 * A memory and the kernel that works in it. It is shared with worker threads where the platform
 * allows it. Where WebAssembly or its SIMD is missing the kernel is the TypeScript one, over an
 * ordinary buffer.
 */
export class KernelMemory {
  views: MemoryViews
  readonly kernel: Kernel
  /** The memory as a worker needs it; undefined where it cannot be shared. */
  readonly shared: WebAssembly.Memory | undefined

  readonly #freed: number[] = []

  private constructor(
    buffer: ArrayBufferLike,
    kernel: Kernel | undefined,
    shared?: WebAssembly.Memory
  ) {
    this.views = viewsOf(buffer)
    this.kernel = kernel ?? typescriptKernel(this.views)
    this.shared = shared
  }

  /** The memory of another thread, with a kernel for this one. */
  static attach(memory: WebAssembly.Memory): KernelMemory {
    const { shared } = compiledModules()!
    return new KernelMemory(memory.buffer, wasmKernel(shared!, memory), memory)
  }

  /** Room for the scratch of a further thread; returns where it begins. All zeros. */
  addScratch(size: ScratchSize): number {
    const { bytes } = scratchLayout(size)
    const freed = this.#freed.pop()
    if (freed !== undefined) {
      // A thread that was ended may have left its sums.
      this.views.u8.fill(0, freed, freed + bytes)
      return freed
    }
    const memory = this.shared!
    const start = memory.buffer.byteLength
    memory.grow(Math.ceil(bytes / PAGE_BYTES))
    this.views = viewsOf(memory.buffer)
    return start
  }

  /** Gives the room back for the next thread. A memory never shrinks. */
  freeScratch(start: number): void {
    this.#freed.push(start)
  }

  /**
   * A memory of zeros.
   *
   * @param bytes - at most 4 GiB
   * @throws RangeError when the platform has no such memory
   */
  static allocate(bytes: number, choice: KernelChoice = 'auto'): KernelMemory {
    const numPages = Math.max(1, Math.ceil(bytes / PAGE_BYTES))
    const module = choice === 'auto' ? compiledModules() : undefined
    if (module === undefined) {
      return new KernelMemory(new ArrayBuffer(numPages * PAGE_BYTES), undefined)
    }
    const isShared = module.shared !== undefined
    const memory = new WebAssembly.Memory({
      initial: numPages,
      maximum: isShared ? MAX_PAGES : numPages,
      shared: isShared
    })
    const kernel = wasmKernel(module.shared ?? module.plain, memory)
    return new KernelMemory(memory.buffer, kernel, isShared ? memory : undefined)
  }
}

interface Modules {
  readonly plain: WebAssembly.Module
  readonly shared: WebAssembly.Module | undefined
}

/** Compiled when first needed; null where the platform cannot. */
let modules: Modules | null | undefined

function compiledModules(): Modules | undefined {
  modules ??= compile()
  return modules ?? undefined
}

function compile(): Modules | null {
  try {
    const isShared = typeof SharedArrayBuffer !== 'undefined'
    return {
      plain: new WebAssembly.Module(bytesOf(PLAIN_WASM)),
      shared: isShared ? new WebAssembly.Module(bytesOf(SHARED_WASM)) : undefined
    }
  } catch {
    // No WebAssembly, or none with SIMD: the TypeScript kernel answers.
    return null
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
}

function wasmKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernel {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return { ...(exports as unknown as Omit<Kernel, 'isWasm'>), isWasm: true }
}

function typescriptKernel(views: MemoryViews): Kernel {
  return {
    isWasm: false,
    windowSearch: request => windowSearch(new RequestFields(views, request)),
    blockMaxSearch: request => blockMaxSearch(new RequestFields(views, request)),
    documentSearch: request => documentSearch(new RequestFields(views, request)),
    smallestScore: request => smallestScore(new RequestFields(views, request)),
    xxh32: (start, length) => xxh32(views.u8.subarray(start, start + length))
  }
}
