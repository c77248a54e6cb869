import { EsplanadeError } from '../errors.ts'
import type { TokenInputs } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import { readTransformerEncoder } from './model-families.ts'
import { addModernBertHead } from './modernbert.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { TransformerLayers } from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/** A transformer that gives a text, or a pair of texts, one number a label. */
export interface SequenceClassifier {
  readonly vocabularySize: number
  /** The longest sequence of tokens that the model has positions for. */
  readonly maxPositions: number
  /** How many types of tokens it tells apart; 0: it has no inputs for them. */
  readonly numTokenTypes: number
  readonly numLabels: number
  /** Adds the encoder and its head; float32 logits `[batch, numLabels]`. */
  addLogits(graph: OnnxGraph, inputs: TokenInputs): Tensor
}

/** What a head is built from. */
interface HeadParts {
  readonly layers: TransformerLayers
  readonly config: ModelConfig
  readonly weights: Weights
  readonly hiddenSize: number
  /** `[batch, length, hidden]` */
  readonly states: Tensor
  readonly mask: Tensor
}

interface Head {
  /** The name of its last layer, without `.weight`. */
  readonly last: string
  /** Adds all but the last layer; float32 `[batch, hidden]`. */
  add(parts: HeadParts): Tensor
}

/** The heads of the classes `...ForSequenceClassification` of transformers, by `model_type`. */
const HEADS: Readonly<Record<string, Head>> = {
  bert: { last: 'classifier', add: parts => addDense('bert.pooler.dense', 'Tanh', parts) },
  distilbert: { last: 'classifier', add: parts => addDense('pre_classifier', 'Relu', parts) },
  roberta: {
    last: 'classifier.out_proj',
    add: parts => addDense('classifier.dense', 'Tanh', parts)
  },
  'xlm-roberta': {
    last: 'classifier.out_proj',
    add: parts => addDense('classifier.dense', 'Tanh', parts)
  },
  modernbert: { last: 'classifier', add: addModernBert }
}

/**
 * Reads a checkpoint of a class `...ForSequenceClassification`: the families are those of
 * {@link readTransformerEncoder}, the heads as transformers (5.23) defines them.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for an unknown family or another class; `MODEL_MISMATCH`
 * where the head is missing; `MODEL_FILE_INVALID`
 */
export function readSequenceClassifier(config: ModelConfig, weights: Weights): SequenceClassifier {
  refuseOtherClasses(config)
  const encoder = readTransformerEncoder(config, weights)
  const { vocabularySize, hiddenSize, maxPositions, numTokenTypes = 0 } = encoder
  const head = HEADS[config.text('model_type')]!
  const shape = weights.shapeOf(`${head.last}.weight`)
  if (shape?.length !== 2) throw noHead(config, `${head.last}.weight`)
  const numLabels = shape[0]!
  const addLogits = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    // No layer of a head that is built here normalises; ModernBERT's brings its own.
    const layers = new TransformerLayers(graph, weights, hiddenSize, 0)
    const states = encoder.addStates(graph, inputs)
    const pooled = head.add({ layers, config, weights, hiddenSize, states, mask: inputs.mask })
    return layers.dense(head.last, pooled, numLabels)
  }
  return { vocabularySize, maxPositions, numTokenTypes, numLabels, addLogits }
}

/** The state of the first token through a dense layer and its activation. */
function addDense(name: string, activation: string, parts: HeadParts): Tensor {
  const { layers, hiddenSize, states } = parts
  const first = firstState(layers.graph, states)
  return layers.graph.node(activation, [layers.dense(name, first, hiddenSize)])
}

function addModernBert({ layers, config, weights, states, mask }: HeadParts): Tensor {
  const { graph } = layers
  const pooling = config.choice('classifier_pooling', ['cls', 'mean'], 'cls')
  const pooled = pooling === 'cls' ? firstState(graph, states) : meanState(graph, states, mask)
  return addModernBertHead(graph, config, weights, pooled)
}

function firstState(graph: OnnxGraph, states: Tensor): Tensor {
  const [zero, one] = [graph.integers([0]), graph.integers([1])]
  return graph.node('Squeeze', [graph.node('Slice', [states, zero, one, one]), one])
}

/** The mean of all tokens, padding left out. */
function meanState(graph: OnnxGraph, states: Tensor, mask: Tensor): Tensor {
  const one = graph.integers([1])
  const masked = graph.node('Mul', [states, graph.node('Unsqueeze', [mask, graph.integers([2])])])
  const sum = graph.node('ReduceSum', [masked, one], { keepdims: 0 })
  return graph.node('Div', [sum, graph.node('ReduceSum', [mask, one], { keepdims: 1 })])
}

/** Heads of other classes have tensors of the same names, and mean something else. */
function refuseOtherClasses(config: ModelConfig): void {
  if (!config.has('architectures')) return
  const others = config
    .texts('architectures')
    .filter(one => !/ForSequenceClassification$/.test(one))
  if (others.length === 0) return
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: config.place,
    problem: `the model is a ${others.join(', ')}`,
    expected: 'a class named ...ForSequenceClassification',
    remedy: 'Use a cross-encoder; sentence-transformers saves its CrossEncoder as such a class'
  })
}

function noHead(config: ModelConfig, tensor: string): EsplanadeError {
  return new EsplanadeError('MODEL_MISMATCH', {
    place: config.place,
    problem: `the weights have no matrix ${tensor}`,
    expected: 'a model saved with its head (a class named ...ForSequenceClassification)',
    remedy: 'Use a cross-encoder; a base model or a dense one has no such head'
  })
}
