import { EsplanadeError } from '../errors.ts'
import { type Checkpoint, findCheckpoint } from './checkpoint.ts'
import { buildLogitsGraph } from './encoder-graph.ts'
import { ModelConfig } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import type { BatchEncoderPlan } from './open-batch-encoder.ts'
import { DEFAULT_PRECISION, planBatchEncoder } from './plan-batch-encoder.ts'
import { noWeights } from './read-weights.ts'
import {
  findGraph,
  fingerprintOf,
  GRAPH_FILES,
  lookAtGraph,
  type ReadyGraph,
  readMaxPositions
} from './ready-graph.ts'
import { asLogitsSession } from './ready-onnx.ts'
import { findOutput, type OutputPort, type ReadyPorts } from './ready-onnx-ports.ts'
import { createSession, type InferenceSession } from './session.ts'
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

async function readyModelOf(
  graph: ReadyGraph,
  files: ModelFiles,
  options: LoadOptions
): Promise<OpenModel> {
  const { bytes, externalData } = graph
  refusePrecision(options, graph.place)
  const configBytes = await files.read('config.json')
  const config = configBytes && new ModelConfig(configBytes, files.placeOf('config.json'))
  const vocabularySize = config?.has('vocab_size') ? config.size('vocab_size') : undefined
  const { ports, output } = await lookAtGraph(graph, (session, ports) =>
    findOutput(session, ports, vocabularySize, graph.place)
  )
  if (output.isPooled) refuseHead(options, graph.place)
  return {
    vocabularySize: output.vocabularySize,
    maxPositions: ports.fixedLength ?? readMaxPositions(config),
    fingerprint: fingerprintOf(graph),
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
