import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import { type Checkpoint, findCheckpoint } from './checkpoint.ts'
import { buildLogitsGraph } from './encoder-graph.ts'
import { ModelConfig } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import type { BatchEncoderPlan } from './open-batch-encoder.ts'
import { DEFAULT_PRECISION, planBatchEncoder } from './plan-batch-encoder.ts'
import { noWeights } from './read-weights.ts'
import { asLogitsSession } from './ready-onnx.ts'
import { findOutput, type OutputPort, type ReadyPorts, readInputs } from './ready-onnx-ports.ts'
import { readRobertaPositions } from './roberta.ts'
import { createSession, type ExternalData, type InferenceSession } from './session.ts'
import type { LoadOptions } from './sparse-encoder.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** A model that texts can be encoded with, whether its graph is built here or was there already. */
export interface OpenModel {
  readonly vocabularySize: number
  /** The longest sequence of tokens that the model has positions for. */
  readonly maxPositions: number
  /** CRC-32 of the weights' files, or of the graph's, eight hexadecimal digits. */
  readonly fingerprint: string
  /** What an encoder of it is made of. */
  readonly plan: (head: SpladeHead, padId: number) => BatchEncoderPlan
  /**
   * Opens what gives the logits of single texts. It reads the files anew, rather than that weights
   * were kept for what few ever ask for.
   *
   * @throws EsplanadeError `MODEL_UNSUPPORTED` where the graph has no logits, as it pools by itself
   */
  readonly openLogits: () => Promise<InferenceSession>
}

/** Where a graph is looked for that stands in for weights: as optimum and sentence-transformers save. */
const GRAPH_FILES = ['onnx/model.onnx', 'model.onnx']
/** What exporters add to the name of a graph for the file of its larger tensors. */
const DATA_ENDINGS = ['_data', '.data']
/** Positions of BERT and its kin, where a graph comes without a config. */
const DEFAULT_POSITIONS = 512

/**
 * Opens the model of a folder: its weights, or where it has none, an ONNX graph that others made.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`; `INVALID_ARGUMENT` where a head is asked
 * for and the graph has its own
 */
export async function openModel(files: ModelFiles, options: LoadOptions): Promise<OpenModel> {
  const checkpoint = files.graphFile === undefined ? await findCheckpoint(files) : undefined
  if (checkpoint !== undefined) return modelOf(checkpoint, files, options)
  const graph = await findGraph(files)
  if (graph === undefined) throw noWeights(files, GRAPH_FILES)
  return readyModelOf(graph, files, options)
}

function modelOf(
  { model, fingerprint }: Checkpoint,
  files: ModelFiles,
  { precision = DEFAULT_PRECISION, numThreads, device }: LoadOptions
): OpenModel {
  return {
    vocabularySize: model.vocabularySize,
    maxPositions: model.maxPositions,
    fingerprint,
    plan: (head, padId) => planBatchEncoder(model, head, precision, padId, device),
    openLogits: checkpointLogits(files, numThreads)
  }
}

/** A function of its own, so that it holds on to no weights. */
function checkpointLogits(
  files: ModelFiles,
  numThreads: number | undefined
): OpenModel['openLogits'] {
  return async () => {
    const checkpoint = await findCheckpoint(files)
    if (checkpoint === undefined) throw noWeights(files, GRAPH_FILES)
    return createSession(buildLogitsGraph(checkpoint.model), numThreads)
  }
}

/** A graph as it was found. */
interface ReadyGraph {
  readonly bytes: Uint8Array
  readonly externalData: readonly ExternalData[]
  readonly place: string
}

async function findGraph(files: ModelFiles): Promise<ReadyGraph | undefined> {
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
    return { bytes: plain(bytes), externalData, place: files.placeOf(file) }
  }
  return undefined
}

/** The same bytes as no more than an array: Node's buffers cannot be shared with threads. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}

async function readyModelOf(
  graph: ReadyGraph,
  files: ModelFiles,
  options: LoadOptions
): Promise<OpenModel> {
  const { bytes, externalData } = graph
  refusePrecision(options, graph.place)
  const configBytes = await files.read('config.json')
  const config = configBytes && new ModelConfig(configBytes, files.placeOf('config.json'))
  const { ports, output } = await lookAt(graph, config)
  if (output.isPooled) refuseHead(options, graph.place)
  const crc = [bytes, ...externalData.map(({ data }) => data)].reduce(
    (sum, part) => crc32.buf(part, sum),
    0
  )
  return {
    vocabularySize: output.vocabularySize,
    maxPositions: ports.fixedLength ?? readMaxPositions(config),
    fingerprint: (crc >>> 0).toString(16).padStart(8, '0'),
    plan: (head, padId) => ({
      precision: 'as-exported',
      graph: bytes,
      externalData,
      ports,
      output,
      head,
      padId,
      ...(options.device && { device: options.device })
    }),
    openLogits: readyLogits(files, ports, output, options.numThreads)
  }
}

/** Whoever made the graph has chosen. */
function refusePrecision({ precision }: LoadOptions, place: string): void {
  if (precision === undefined) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'precision',
    problem: `${place} is a ready graph, which is run as it is`,
    remedy: 'Leave the option out, or use the weights of the model'
  })
}

/** How a graph pools that does so by itself is not known, but it is not known to be unusual. */
function refuseHead({ pooling, activation }: LoadOptions, place: string): void {
  const asked =
    pooling === 'sum' ? 'pooling' : activation === 'log1p_relu' ? 'activation' : undefined
  if (asked === undefined) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: asked,
    problem: `${place} pools by itself, so its head cannot be chosen`,
    remedy: 'Leave the option out, or use a graph that gives logits'
  })
}

/** Opens a graph only to see what goes into it and what comes out for one token. */
async function lookAt(
  { bytes, externalData, place }: ReadyGraph,
  config: ModelConfig | undefined
): Promise<{ ports: ReadyPorts; output: OutputPort }> {
  const session = await createSession(bytes, 1, { externalData, optimized: false }).catch(cause => {
    throw /external data/i.test(String(cause)) ? noExternalData(place, cause) : cause
  })
  try {
    const ports = readInputs(session.inputs, place)
    const vocabularySize = config?.has('vocab_size') ? config.size('vocab_size') : undefined
    return { ports, output: await findOutput(session, ports, vocabularySize, place) }
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

function readMaxPositions(config: ModelConfig | undefined): number {
  if (!config?.has('max_position_embeddings')) return DEFAULT_POSITIONS
  const isRoberta = config.has('model_type') && /roberta$/.test(config.text('model_type'))
  return isRoberta
    ? readRobertaPositions(config).maxPositions
    : config.size('max_position_embeddings')
}

/** A function of its own, so that it holds on to no graph. */
function readyLogits(
  files: ModelFiles,
  ports: ReadyPorts,
  output: OutputPort,
  numThreads: number | undefined
): OpenModel['openLogits'] {
  return async () => {
    const graph = output.isPooled ? undefined : await findGraph(files)
    if (graph === undefined) {
      throw new EsplanadeError('MODEL_UNSUPPORTED', {
        place: files.name,
        problem: 'the graph pools by itself and gives no logits, so nothing can be predicted',
        expected: 'a graph with the output [batch, length, vocabulary]',
        remedy: 'Use the weights of the model, or a graph that gives logits'
      })
    }
    const { bytes, externalData } = graph
    const session = await createSession(bytes, numThreads, { externalData })
    return asLogitsSession(session, { ports, output })
  }
}
