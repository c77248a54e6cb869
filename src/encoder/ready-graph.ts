import { EsplanadeError } from '../errors.ts'
import { checksumOf } from './checksum.ts'
import type { ModelConfig } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import { type ReadyPorts, readInputs } from './ready-onnx-ports.ts'
import { readRobertaPositions } from './roberta.ts'
import { createSession, type ExternalData, type InferenceSession } from './session.ts'

/**
 * Where a graph is looked for that stands in for weights: as optimum and sentence-transformers save it,
 * else in 8-bit integers, as optimum and transformers.js name that.
 */
export const GRAPH_FILES: readonly string[] = [
  'onnx/model.onnx',
  'model.onnx',
  'onnx/model_quantized.onnx',
  'model_quantized.onnx',
  'onnx/model_int8.onnx',
  'model_int8.onnx'
]
/** What exporters add to the name of a graph for the file of its larger tensors. */
const DATA_ENDINGS = ['_data', '.data']
/** Positions of BERT and its kin, where a graph comes without a config. */
const DEFAULT_POSITIONS = 512

/** A graph as it was found. */
export interface ReadyGraph {
  readonly bytes: Uint8Array
  readonly externalData: readonly ExternalData[]
  readonly place: string
  /** That of the files. */
  readonly crc32: ModelFiles['crc32']
}

/** The graph that the caller chose, or the first that is there; undefined where there is none. */
export async function findGraph(files: ModelFiles): Promise<ReadyGraph | undefined> {
  const candidates = files.graphFile === undefined ? GRAPH_FILES : [files.graphFile]
  for (const file of candidates) {
    const bytes = await files.read(file)
    if (bytes === undefined) continue
    const externalData: ExternalData[] = []
    for (const ending of DATA_ENDINGS) {
      const data = await files.read(`${file}${ending}`)
      const path = `${file.split('/').at(-1)}${ending}`
      if (data !== undefined) externalData.push({ path, data: plain(data) })
    }
    const { crc32 } = files
    return { bytes: plain(bytes), externalData, place: files.placeOf(file), crc32 }
  }
  return undefined
}

/** The same bytes as no more than an array: Node's buffers cannot be shared with threads. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}

/** CRC-32 of a graph and its tensors, eight hexadecimal digits. */
export function fingerprintOf(graph: ReadyGraph): string {
  return checksumOf([graph.bytes, ...graph.externalData.map(({ data }) => data)], graph)
}

/**
 * Opens a graph only to see what goes into it and what comes out.
 *
 * @param find - finds the output that is wanted
 * @throws EsplanadeError `MODEL_NOT_FOUND` where its tensors are in a file that is missing;
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`
 */
export async function lookAtGraph<Output>(
  { bytes, externalData, place }: ReadyGraph,
  find: (session: InferenceSession, ports: ReadyPorts) => Promise<Output>
): Promise<{ ports: ReadyPorts; output: Output }> {
  const session = await createSession(bytes, 1, { externalData, optimized: false }).catch(cause => {
    throw /external data/i.test(String(cause)) ? noExternalData(place, cause) : cause
  })
  try {
    const ports = readInputs(session.inputs, place)
    return { ports, output: await find(session, ports) }
  } finally {
    await session.close()
  }
}

function noExternalData(place: string, cause: Error): EsplanadeError {
  const names = DATA_ENDINGS.map(ending => `${place.split(/[/\\]/).at(-1)}${ending}`)
  return new EsplanadeError('MODEL_NOT_FOUND', {
    place,
    problem: `the graph keeps tensors in a file of their own that is not there: ${cause.message}`,
    expected: `${names.join(' or ')} beside it`,
    remedy: 'Fetch that file as well, or export the graph as one file',
    cause
  })
}

/** The longest text that a graph takes, by the config beside it. */
export function readMaxPositions(config: ModelConfig | undefined): number {
  if (!config?.has('max_position_embeddings')) return DEFAULT_POSITIONS
  const isRoberta = config.has('model_type') && /roberta$/.test(config.text('model_type'))
  return isRoberta
    ? readRobertaPositions(config).maxPositions
    : config.size('max_position_embeddings')
}
