import { dotFloat32, dotInt8, type Scan, type ScanViews, squaredDistances } from './dense-scan.ts'
import { type KernelChoice, MAX_MEMORY_BYTES } from './kernel-memory.ts'
import { DENSE_WASM } from './wasm-bytes.ts'
import { xxh32 } from './xxh32.ts'

/** What both kernels do; see `dense-scan.ts`. */
export interface DenseKernel {
  /** Whether this is the WebAssembly one. */
  readonly isWasm: boolean
  dotInt8(scan: Scan): void
  dotFloat32(scan: Scan): void
  squaredDistances(scan: Scan): void
  /** Checksum of bytes of the memory. */
  xxh32(start: number, length: number): number
}

/** A memory through every element type that its kernel and its reader need. */
export interface DenseViews extends ScanViews {
  readonly u8: Uint8Array
}

type WasmScan = (...scan: number[]) => void

const PAGE_BYTES = 65_536

/** A memory of rows and the kernel that scans them. */
export class DenseMemory {
  readonly views: DenseViews
  readonly kernel: DenseKernel

  /**
   * A memory of zeros. Where WebAssembly or its SIMD is missing the kernel is the TypeScript one.
   *
   * @param bytes - at most {@link MAX_MEMORY_BYTES}
   * @throws RangeError when the platform has no such memory
   */
  constructor(bytes: number, choice: KernelChoice = 'auto') {
    const numPages = Math.max(1, Math.ceil(bytes / PAGE_BYTES))
    if (numPages * PAGE_BYTES > MAX_MEMORY_BYTES) throw new RangeError(`${bytes} bytes of memory`)
    const module = choice === 'auto' ? compiledModule() : undefined
    if (module === undefined) {
      this.views = viewsOf(new ArrayBuffer(numPages * PAGE_BYTES))
      this.kernel = typescriptKernel(this.views)
    } else {
      const memory = new WebAssembly.Memory({ initial: numPages, maximum: numPages })
      this.views = viewsOf(memory.buffer)
      this.kernel = wasmKernel(module, memory)
    }
  }
}

function viewsOf(buffer: ArrayBuffer): DenseViews {
  return {
    u8: new Uint8Array(buffer),
    i8: new Int8Array(buffer),
    i16: new Int16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer)
  }
}

/** Compiled when first needed; null where the platform cannot. */
let compiled: WebAssembly.Module | null | undefined

function compiledModule(): WebAssembly.Module | undefined {
  if (compiled === undefined) {
    try {
      compiled = new WebAssembly.Module(
        Uint8Array.from(atob(DENSE_WASM), character => character.charCodeAt(0))
      )
    } catch {
      compiled = null
    }
  }
  return compiled ?? undefined
}

function wasmKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): DenseKernel {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const call =
    (name: string) =>
    ({ rows, stride, ids, count, query, out }: Scan): void =>
      (exports[name] as WasmScan)(rows, stride, ids, count, query, out)
  return {
    isWasm: true,
    dotInt8: call('dotInt8'),
    dotFloat32: call('dotFloat32'),
    squaredDistances: call('squaredDistances'),
    xxh32: (start, length) =>
      (exports.xxh32 as (start: number, length: number) => number)(start, length) >>> 0
  }
}

function typescriptKernel(views: DenseViews): DenseKernel {
  return {
    isWasm: false,
    dotInt8: scan => dotInt8(views, scan),
    dotFloat32: scan => dotFloat32(views, scan),
    squaredDistances: scan => squaredDistances(views, scan),
    xxh32: (start, length) => xxh32(views.u8.subarray(start, start + length))
  }
}
