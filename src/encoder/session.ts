import type { InferenceSession as OnnxSession, Tensor as OnnxTensor } from 'onnxruntime-node'
import { EsplanadeError } from '../errors.ts'

/**
 * Runs encoder graphs in ONNX Runtime. This is the only file of the package that imports it, and it
 * does so when the first session is made: whoever never encodes does not need it.
 *
 * There are two of it with one interface: `onnxruntime-node`, which is native code, and
 * `onnxruntime-web`, which is WebAssembly. Which one `#onnxruntime` is, `imports` in `package.json`
 * says: in browsers the second. Elsewhere the second stands in where the first does not load, as on
 * systems that it has no binary for.
 */

/**
 * What computes a model. `'webgpu'` is a graphics card by way of the browser, or of Dawn elsewhere;
 * the others are providers of `onnxruntime-node`, each on the systems that its package serves.
 */
export type Device = 'cpu' | 'webgpu' | 'cuda' | 'tensorrt' | 'dml' | 'coreml'

/** A tensor that goes into a session or comes out of it. */
export interface RuntimeTensor {
  readonly type: 'float32' | 'int32' | 'int64' | 'int8' | 'uint8' | 'bool'
  /** Row-major. */
  readonly data: Float32Array | Int32Array | BigInt64Array | Int8Array | Uint8Array
  readonly dims: readonly number[]
}

/** An input or output of a graph, as the graph declares it. */
export interface SessionPort {
  readonly name: string
  /** ONNX Runtime's name of the element type: `int64`, `float32`, ...; undefined for no tensor. */
  readonly type: string | undefined
  /** A number is a fixed size, a text names one that varies; empty where none are declared. */
  readonly dims: readonly (number | string)[]
}

/** Tensors that a graph keeps in a file of their own. */
export interface ExternalData {
  /** The name by which the graph refers to the file. */
  readonly path: string
  readonly data: Uint8Array
}

/** A serialised ONNX graph, and the larger of its tensors beside it, which need no copy so. */
export interface GraphModel {
  readonly bytes: Uint8Array
  readonly externalData: readonly ExternalData[]
}

/** How a session is made, where the default will not do. */
export interface SessionSettings {
  /** Files that the graph refers to; default: none. */
  readonly externalData?: readonly ExternalData[]
  /** False opens the graph as it is, which is faster for a look at it; default true. */
  readonly optimized?: boolean
  /** Default `'cpu'`. */
  readonly device?: Device | undefined
}

/** A graph made ready to run. */
export interface InferenceSession {
  /** Names of the graph's inputs. */
  readonly inputNames: readonly string[]
  /** Names of the graph's outputs. */
  readonly outputNames: readonly string[]
  /** The inputs that a run must be given. */
  readonly inputs: readonly SessionPort[]
  /** The graph's outputs by name. */
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Record<string, RuntimeTensor>>
  /** Frees the session's memory. */
  close(): Promise<void>
}

/** Errors and worse: the runtime's warnings are about its own optimisations. */
const LOG_ERRORS = 3

/**
 * @param model - a serialised ONNX graph, alone or with tensors beside it
 * @param numThreads - threads of the runtime; default: it decides, usually one a core. In browsers the
 * first session decides for all, and pages that are not cross-origin isolated have one
 * @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED`; `INVALID_ARGUMENT` for a device that the
 * runtime does not have
 */
export async function createSession(
  model: Uint8Array | GraphModel,
  numThreads: number | undefined,
  { externalData: files = [], optimized = true, device = 'cpu' }: SessionSettings = {}
): Promise<InferenceSession> {
  const { bytes, externalData } =
    model instanceof Uint8Array ? { bytes: model, externalData: files } : model
  const runtime = await importRuntime(device)
  checkDevice(device, runtime)
  const isWeb = isOfWeb(runtime)
  if (isWeb && numThreads !== undefined) runtime.env.wasm.numThreads = numThreads
  const session = await failing(`load the model${device === 'cpu' ? '' : ` on ${device}`}`, () =>
    runtime.InferenceSession.create(unshared(bytes), {
      executionProviders: isWeb && device === 'cpu' ? ['wasm'] : [device],
      graphOptimizationLevel: optimized ? 'all' : 'disabled',
      logSeverityLevel: LOG_ERRORS,
      ...(externalData.length > 0 && {
        externalData: externalData.map(({ path, data }) => ({ path, data: unshared(data) }))
      }),
      ...(numThreads === undefined || isWeb ? {} : { intraOpNumThreads: numThreads })
    })
  )
  return new RuntimeSession(session, runtime.Tensor)
}

/**
 * The version of ONNX Runtime.
 *
 * @throws EsplanadeError `RUNTIME_MISSING`
 */
export async function runtimeVersion(): Promise<string> {
  const { env } = await importRuntime('cpu')
  return env.versions.node ?? env.versions.web ?? env.versions.common
}

/** The runtime takes no memory that threads share. */
function unshared(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
}

class RuntimeSession implements InferenceSession {
  readonly #session: OnnxSession
  readonly #Tensor: typeof OnnxTensor

  constructor(session: OnnxSession, Tensor: typeof OnnxTensor) {
    this.#session = session
    this.#Tensor = Tensor
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames
  }

  get inputs(): readonly SessionPort[] {
    return this.#session.inputMetadata.map(port => ({
      name: port.name,
      type: port.isTensor ? port.type : undefined,
      dims: port.isTensor ? port.shape : []
    }))
  }

  async run(
    feeds: Readonly<Record<string, RuntimeTensor>>
  ): Promise<Record<string, RuntimeTensor>> {
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => {
      return [name, new this.#Tensor(type, data as Float32Array, dims)] as const
    })
    const outputs = await failing('run the model', () =>
      this.#session.run(Object.fromEntries(tensors))
    )
    return outputs as unknown as Record<string, RuntimeTensor>
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

type NodeRuntime = typeof import('onnxruntime-node')
/** What both have, and what only one has. */
type Runtime = Omit<NodeRuntime, 'listSupportedBackends'> &
  Partial<Pick<NodeRuntime, 'listSupportedBackends'>>

async function importRuntime(device: Device): Promise<Runtime> {
  const runtime = await importForCpu()
  if (device !== 'webgpu' || !isOfWeb(runtime)) return runtime
  // Of `onnxruntime-web`, what knows graphics cards is a build of its own, twice as large.
  const withGpu = await import('onnxruntime-web/webgpu')
  const { wasmPaths } = runtime.env.wasm
  if (typeof wasmPaths === 'string') withGpu.env.wasm.wasmPaths ??= wasmPaths
  return withGpu
}

async function importForCpu(): Promise<Runtime> {
  try {
    return await import('#onnxruntime')
  } catch (cause) {
    try {
      return await import('#onnxruntime-wasm')
    } catch {
      throw missing(cause)
    }
  }
}

function missing(cause: unknown): EsplanadeError {
  return new EsplanadeError('RUNTIME_MISSING', {
    problem: 'ONNX Runtime (the package onnxruntime-node) is not installed or does not load',
    expected:
      'onnxruntime-node, an optional dependency that some installs leave out silently; in browsers, ' +
      'and on systems that it has no binary for, onnxruntime-web',
    remedy:
      'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node, or npm i onnxruntime-web',
    cause
  })
}

function isOfWeb({ env }: Runtime): boolean {
  return env.versions.web !== undefined
}

function checkDevice(device: Device, runtime: Runtime): void {
  const devices = devicesOf(runtime)
  if (devices.includes(device)) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'device',
    problem: `"${device}" is not among what ONNX Runtime has here`,
    expected: devices.join(' or '),
    remedy: 'Leave it out to encode on the CPU; browsers have WebGPU on secure pages only'
  })
}

/** What a runtime was built with; whether the machine has it is known when a session is made. */
function devicesOf(runtime: Runtime): string[] {
  const backends = runtime.listSupportedBackends?.()
  if (backends !== undefined) return backends.map(({ name }) => name)
  const hasWebGpu = typeof navigator !== 'undefined' && 'gpu' in navigator
  return hasWebGpu ? ['cpu', 'webgpu'] : ['cpu']
}

async function failing<T>(task: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new EsplanadeError('RUNTIME_FAILED', {
      problem: `ONNX Runtime could not ${task}: ${messageOf(cause)}`,
      remedy:
        'If memory ran out, encode fewer tokens at a time; if a device was asked for, leave it out; ' +
        'else report this as a bug',
      cause
    })
  }
}

/** Without the full stop at its end: ours follows. */
function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
}
