import { EsplanadeError } from '../errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import type { ModelFiles } from './model-files.ts'
import { readConfig } from './model-layout.ts'
import { OnnxGraph } from './onnx-model.ts'
import { OWN_PORTS } from './open-dense-model.ts'
import type { PairPlan } from './pair-encoder.ts'
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
import { readSequenceClassifier, type SequenceClassifier } from './sequence-classifier.ts'
import type { GraphModel, InferenceSession } from './session.ts'
import { GRAPH_PORTS } from './token-batch.ts'

/** A sequence classifier that pairs can be run through. */
export interface OpenClassifier {
  /** Terms that the model has embeddings of; undefined where a graph does not say so. */
  readonly vocabularySize: number | undefined
  readonly maxPositions: number
  /** How many types of tokens it tells apart; undefined where a graph does not say so. */
  readonly numTokenTypes: number | undefined
  readonly numLabels: number
  /** CRC-32 of the weights' files, or of the graph's, eight hexadecimal digits. */
  readonly fingerprint: string
  /** What an encoder of it is made of. */
  readonly plan: (padId: number) => PairPlan
}

/**
 * Opens the classifier of a folder: its weights, or where it has none, an ONNX graph that others made.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`
 */
export async function openClassifier(files: ModelFiles): Promise<OpenClassifier> {
  const checkpoint =
    files.graphFile === undefined ? await readCheckpoint(files, readSequenceClassifier) : undefined
  if (checkpoint !== undefined) return classifierOf(checkpoint.model, checkpoint.fingerprint)
  const graph = await findGraph(files)
  if (graph === undefined) throw noWeights(files, GRAPH_FILES)
  return readyClassifierOf(graph, files)
}

/** The name of the types in the graphs made here. */
const TYPES_PORT = 'types'

function classifierOf(model: SequenceClassifier, fingerprint: string): OpenClassifier {
  const { vocabularySize, maxPositions, numTokenTypes, numLabels } = model
  const types = { name: TYPES_PORT, type: 'int32', meaning: 'types' } as const
  const ports: ReadyPorts =
    numTokenTypes === 0 ? OWN_PORTS : { ...OWN_PORTS, inputs: [...OWN_PORTS.inputs, types] }
  return {
    vocabularySize,
    maxPositions,
    numTokenTypes,
    numLabels,
    fingerprint,
    plan: padId => {
      const { bytes: graph, externalData } = buildClassifierGraph(model)
      const output = { name: GRAPH_PORTS.output, numLabels }
      return { graph, externalData, ports, output, padId }
    }
  }
}

function buildClassifierGraph(model: SequenceClassifier): GraphModel {
  const graph = new OnnxGraph()
  const ids = graph.input(GRAPH_PORTS.ids, 'int32', ['batch', 'length'])
  const mask = graph.input(GRAPH_PORTS.mask, 'float32', ['batch', 'length'])
  const types =
    model.numTokenTypes === 0
      ? {}
      : { types: graph.input(TYPES_PORT, 'int32', ['batch', 'length']) }
  const logits = model.addLogits(graph, { ids, mask, ...types })
  graph.output(GRAPH_PORTS.output, logits, 'float32', ['batch', model.numLabels])
  return graph.toModel()
}

async function readyClassifierOf(graph: ReadyGraph, files: ModelFiles): Promise<OpenClassifier> {
  const config = await readConfig(files, 'config.json')
  const { ports, output } = await lookAtGraph(graph, (session, found) =>
    findLogits(session, found, graph.place)
  )
  return {
    vocabularySize: config?.has('vocab_size') ? config.size('vocab_size') : undefined,
    maxPositions: ports.fixedLength ?? readMaxPositions(config),
    numTokenTypes: config?.has('type_vocab_size') ? config.size('type_vocab_size') : undefined,
    numLabels: output.numLabels,
    fingerprint: fingerprintOf(graph),
    plan: padId => ({ graph: graph.bytes, externalData: graph.externalData, ports, output, padId })
  }
}

/** Finds the output with one number a label, by what the graph gives for a token. */
async function findLogits(
  session: InferenceSession,
  ports: ReadyPorts,
  place: string
): Promise<PairPlan['output']> {
  const { outputs, shapes } = await probe(session, ports)
  const found = session.outputNames.filter(name => {
    const { type, dims } = outputs[name]!
    return type === 'float32' && dims.length === 2
  })
  const name = found.find(one => one === 'logits') ?? found[0]
  if (name !== undefined) return { name, numLabels: outputs[name]!.dims[1]! }
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `the graph gives ${shapes} for one token`,
    expected: 'float32 [1, labels], called logits',
    remedy: 'Export the model for text classification, or point to its weights instead'
  })
}
