import { EsplanadeError } from '../errors.ts'
import { addBertEncoder, addTypedPositions, type BertSizes, readBertSizes } from './bert.ts'
import type {
  MaskedLanguageModel,
  TokenInputs,
  TransformerEncoder
} from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { gelu } from './transformer-activation.ts'
import { readVocabularyWeights } from './transformer-decoder.ts'
import { type EncoderWeights, readEncoderWeights } from './transformer-encoder.ts'
import { TransformerLayers } from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/** What `pad_token_id` is where a config leaves it out. */
const DEFAULT_PAD_ID = 1

/**
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692) and XLM-RoBERTa (Conneau et al. 2020,
 * arXiv:1911.02116), built from a `RobertaForMaskedLM` or `XLMRobertaForMaskedLM` checkpoint. Its
 * layers are BERT's; its positions begin behind the id of padding, and its head has GELU whatever
 * the layers have.
 */
export function roberta(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  const sizes = readBertSizes(config)
  const { vocabularySize, hiddenSize } = sizes
  const { maxPositions, padId } = readRobertaPositions(config)
  const names = {
    words: 'roberta.embeddings.word_embeddings.weight',
    matrix: 'lm_head.decoder.weight',
    biases: ['lm_head.decoder.bias', 'lm_head.bias'],
    head: 'lm_head.dense.weight'
  }
  const dims = [vocabularySize, hiddenSize] as const
  const { words, decoder } = readVocabularyWeights(config, weights, names, dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, sizes.layerNormEpsilon)
    const states = addStatesOf(layers, sizes, { weights, prefix: 'roberta.', words }, padId, inputs)
    return layers.norm(
      'lm_head.layer_norm',
      gelu(graph, layers.dense('lm_head.dense', states, hiddenSize))
    )
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates, decoder }
}

/** Either of them without a head, from a base model or one that has a head, which is not read. */
export function robertaEncoder(config: ModelConfig, weights: Weights): TransformerEncoder {
  const sizes = readBertSizes(config)
  const { vocabularySize, hiddenSize } = sizes
  const { padId, maxPositions } = readRobertaPositions(config)
  const dims = [vocabularySize, hiddenSize] as const
  const own = readEncoderWeights(weights, 'roberta.', 'embeddings.word_embeddings.weight', dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, sizes.layerNormEpsilon)
    return addStatesOf(layers, sizes, own, padId, inputs)
  }
  return { vocabularySize, hiddenSize, maxPositions, numTokenTypes: sizes.numTokenTypes, addStates }
}

function addStatesOf(
  layers: TransformerLayers,
  sizes: BertSizes,
  { weights, prefix, words }: EncoderWeights,
  padId: number,
  { ids, mask, types }: TokenInputs
): Tensor {
  const { graph } = layers
  const dims = [sizes.vocabularySize, sizes.hiddenSize]
  const looked = graph.node('Gather', [graph.floats(words, dims), ids])
  const placed = addTypedPositions(graph, sizes, weights, `${prefix}embeddings`, types, positions =>
    addPositions(graph, sizes, positions, ids, padId)
  )
  const embedded = layers.norm(`${prefix}embeddings.LayerNorm`, looked, { residual: placed })
  return addBertEncoder(layers, sizes, `${prefix}encoder`, embedded, mask)
}

/**
 * The id of padding, and how many positions there are behind it.
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID` where there are none
 */
export function readRobertaPositions(config: ModelConfig): {
  padId: number
  maxPositions: number
} {
  const padId = config.has('pad_token_id') ? config.index('pad_token_id') : DEFAULT_PAD_ID
  const size = config.size('max_position_embeddings')
  if (size > padId + 1) return { padId, maxPositions: size - padId - 1 }
  throw new EsplanadeError('MODEL_FILE_INVALID', {
    place: config.place,
    problem: `pad_token_id ${padId} leaves none of ${size} positions`,
    remedy: 'Use the config.json that was saved with the weights'
  })
}

/**
 * The embeddings of the tokens' positions, `[batch, length, hidden]`: tokens are counted from
 * `padId + 1`, and a token of padding, which a text too can spell out, is not counted but sits at
 * `padId`.
 */
function addPositions(
  graph: OnnxGraph,
  sizes: BertSizes,
  positions: Float32Array,
  ids: Tensor,
  padId: number
): Tensor {
  const table = graph.floats(positions, [sizes.maxPositions, sizes.hiddenSize])
  const pad = graph.integers([padId])
  const wide = graph.node('Cast', [ids], { to: INT64 })
  const isPad = graph.node('Equal', [wide, pad])
  const counted = graph.node('Where', [isPad, graph.integers([0]), graph.integers([1])])
  const places = graph.node('CumSum', [counted, graph.integers([1])])
  return graph.node('Gather', [
    table,
    graph.node('Add', [graph.node('Mul', [places, counted]), pad])
  ])
}

/** ONNX's code of the element type. */
const INT64 = 7
