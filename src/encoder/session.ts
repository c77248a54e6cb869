import type { InferenceSession as OnnxSession, Tensor as OnnxTensor } from 'onnxruntime-node'
import { EsplanadeError } from '../errors.ts'

/**
 * Runs encoder graphs in ONNX Runtime. This is the only file of the package that imports it, and it
 * does so when the first session is made: whoever never encodes does not need it.
 */

/** A tensor that goes into a session or comes out of it. */
export interface RuntimeTensor {
  readonly type: 'float32' | 'int32' | 'int64' | 'int8' | 'uint8'
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

/** How a session is made, where the default will not do. */
export interface SessionSettings {
  /** Files that the graph refers to; default: none. */
  readonly externalData?: readonly ExternalData[]
  /** False opens the graph as it is, which is faster for a look at it; default true. */
  readonly optimized?: boolean
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
 * @param model - a serialised ONNX graph
 * @param numThreads - threads of the runtime; default: it decides, usually one a core
 * @throws EsplanadeError `RUNTIME_MISSING` or `RUNTIME_FAILED`
 */
export async function createSession(
  model: Uint8Array,
  numThreads: number | undefined,
  { externalData = [], optimized = true }: SessionSettings = {}
): Promise<InferenceSession> {
  const runtime = await importRuntime()
  // The runtime takes no memory that threads share.
  const bytes = model.buffer instanceof ArrayBuffer ? model : model.slice()
  const session = await failing('load the model', () =>
    runtime.InferenceSession.create(bytes, {
      graphOptimizationLevel: optimized ? 'all' : 'disabled',
      logSeverityLevel: LOG_ERRORS,
      ...(externalData.length === 0 ? {} : { externalData }),
      ...(numThreads === undefined ? {} : { intraOpNumThreads: numThreads })
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
  const { env } = await importRuntime()
  return env.versions.node ?? env.versions.common
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

async function importRuntime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw new EsplanadeError('RUNTIME_MISSING', {
      problem: 'ONNX Runtime (the package onnxruntime-node) is not installed or does not load',
      expected: 'onnxruntime-node, an optional dependency that some installs leave out silently',
      remedy: 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node',
      cause
    })
  }
}

async function failing<T>(task: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new EsplanadeError('RUNTIME_FAILED', {
      problem: `ONNX Runtime could not ${task}: ${messageOf(cause)}`,
      remedy: 'If memory ran out, encode fewer tokens at a time; else report this as a bug',
      cause
    })
  }
}

/** Without the full stop at its end: ours follows. */
function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.+$/, '')
}
