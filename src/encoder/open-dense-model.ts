import { EsplanadeError } from '../errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import type { DensePlan, StatesPort } from './dense-batch-encoder.ts'
import type { DenseHead } from './dense-pooling.ts'
import type { TransformerEncoder } from './masked-language-model.ts'
import { readTransformerEncoder } from './model-families.ts'
import type { ModelFiles } from './model-files.ts'
import { readConfig } from './model-layout.ts'
import { OnnxGraph } from './onnx-model.ts'
import { noWeights } from './read-weights.ts'
import {
  findGraph,
  fingerprintOf,
  GRAPH_FILES,
  lookAtGraph,
  type ReadyGraph,
  readMaxPositions
} from './ready-graph.ts'
import { probe, type ReadyPorts } from './ready-onnx-ports.ts'
import type { GraphModel, InferenceSession } from './session.ts'
import { GRAPH_PORTS } from './token-batch.ts'

/** A transformer whose states can be pooled. */
export interface OpenDenseModel {
  /** Terms that the model has embeddings of; undefined where a graph does not say so. */
  readonly vocabularySize: number | undefined
  /** The longest sequence of tokens that the model has positions for. */
  readonly maxPositions: number
  /** Dimensions of its vectors. */
  readonly dimensions: number
  /** Whether the graph pools by itself. */
  readonly isPooled: boolean
  /** CRC-32 of the weights' files, or of the graph's, eight hexadecimal digits. */
  readonly fingerprint: string
  /** What an encoder of it is made of. */
  readonly plan: (head: DenseHead, padId: number) => DensePlan
}

/** Of the outputs with a state for every token, the one that is taken, by its name. */
const STATES_NAMES = ['last_hidden_state', 'token_embeddings']
/** The output with one vector a text that is taken: BERT's `pooler_output` is made for another task. */
const POOLED_NAME = 'sentence_embedding'
/** The ports of the graphs made here. */
export const OWN_PORTS: ReadyPorts = {
  inputs: [
    { name: GRAPH_PORTS.ids, type: 'int32', meaning: 'ids' },
    { name: GRAPH_PORTS.mask, type: 'float32', meaning: 'mask' }
  ],
  isMasked: true,
  isSingle: false,
  fixedLength: undefined
}

/**
 * Opens the transformer of a folder: its weights, with or without a head, or where it has none, an ONNX
 * graph that others made.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`
 */
export async function openDenseModel(files: ModelFiles): Promise<OpenDenseModel> {
  const checkpoint =
    files.graphFile === undefined ? await readCheckpoint(files, readTransformerEncoder) : undefined
  if (checkpoint !== undefined) return modelOf(checkpoint.model, checkpoint.fingerprint)
  const graph = await findGraph(files)
  if (graph === undefined) throw noWeights(files, GRAPH_FILES)
  return readyModelOf(graph, files)
}

function modelOf(model: TransformerEncoder, fingerprint: string): OpenDenseModel {
  const { vocabularySize, hiddenSize, maxPositions } = model
  const output = { name: GRAPH_PORTS.output, isPooled: false, size: hiddenSize }
  return {
    vocabularySize,
    maxPositions,
    dimensions: hiddenSize,
    isPooled: false,
    fingerprint,
    plan: (head, padId) => {
      const { bytes: graph, externalData } = buildTransformerGraph(model)
      return { kind: 'dense', graph, externalData, ports: OWN_PORTS, output, head, padId }
    }
  }
}

/** The graph of a transformer without a head: float32 states `[batch, length, hidden]`. */
export function buildTransformerGraph(model: TransformerEncoder): GraphModel {
  const graph = new OnnxGraph()
  const ids = graph.input(GRAPH_PORTS.ids, 'int32', ['batch', 'length'])
  const mask = graph.input(GRAPH_PORTS.mask, 'float32', ['batch', 'length'])
  const states = model.addStates(graph, { ids, mask })
  graph.output(GRAPH_PORTS.output, states, 'float32', ['batch', 'length', model.hiddenSize])
  return graph.toModel()
}

async function readyModelOf(graph: ReadyGraph, files: ModelFiles): Promise<OpenDenseModel> {
  const config = await readConfig(files, 'config.json')
  const vocabularySize = config?.has('vocab_size') ? config.size('vocab_size') : undefined
  const { ports, output } = await lookAtGraph(graph, (session, found) =>
    findStates(session, found, vocabularySize, graph.place)
  )
  return {
    vocabularySize,
    maxPositions: ports.fixedLength ?? readMaxPositions(config),
    dimensions: output.size,
    isPooled: output.isPooled,
    fingerprint: fingerprintOf(graph),
    plan: (head, padId) => ({
      kind: 'dense',
      graph: graph.bytes,
      externalData: graph.externalData,
      ports,
      output,
      head,
      padId
    })
  }
}

/**
 * Finds the states of the tokens, else the vector of the text, by what the graph gives for a token. A
 * number for every term is neither.
 */
async function findStates(
  session: InferenceSession,
  ports: ReadyPorts,
  vocabularySize: number | undefined,
  place: string
): Promise<StatesPort> {
  const { outputs, length, shapes } = await probe(session, ports)
  const found = session.outputNames.flatMap((name): StatesPort[] => {
    const { type, dims } = outputs[name]!
    const isPooled = dims.length === 2
    const isStates = dims.length === 3 && dims[1] === length
    const isOfTerms = name === 'logits' || dims.at(-1) === vocabularySize
    const isRight =
      type === 'float32' && !isOfTerms && (isStates || (isPooled && name === POOLED_NAME))
    return isRight ? [{ name, isPooled, size: dims.at(-1)! }] : []
  })
  const best =
    found.find(({ name }) => STATES_NAMES.includes(name)) ??
    found.find(({ isPooled }) => isPooled) ??
    found[0]
  if (best !== undefined) return best
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `the graph gives ${shapes} for one token`,
    expected: `float32 [1, 1, dimensions], called ${STATES_NAMES.join(' or ')}, or ${POOLED_NAME}`,
    remedy: 'Export the model for feature extraction, or point to its weights instead'
  })
}
