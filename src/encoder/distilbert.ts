import type { MaskedLanguageModel, TokenInputs } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { readActivation } from './transformer-activation.ts'
import { readVocabularyWeights } from './transformer-decoder.ts'
import {
  addFirstPositions,
  addPaddingBias,
  addPostNormLayer,
  type PostNormNames,
  readNumHeads,
  TransformerLayers
} from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/** A constant of the family; its config has no field for it. */
const LAYER_NORM_EPSILON = 1e-12

/**
 * DistilBERT (Sanh et al. 2019, arXiv:1910.01108), built from a `DistilBertForMaskedLM` checkpoint:
 * BERT's layers under other names, without token types.
 */
export function distilbert(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  const vocabularySize = config.size('vocab_size')
  const maxPositions = config.size('max_position_embeddings')
  const numLayers = config.size('n_layers')
  const hiddenSize = config.size('dim')
  const activation = readActivation(config, 'activation')
  const sizes = {
    hiddenSize,
    intermediateSize: config.size('hidden_dim'),
    numHeads: readNumHeads(config, 'n_heads', 'dim'),
    activation
  }
  const embeddings = 'distilbert.embeddings'
  const names = {
    words: `${embeddings}.word_embeddings.weight`,
    matrix: 'vocab_projector.weight',
    biases: ['vocab_projector.bias'],
    head: 'vocab_transform.weight'
  }
  const dims = [vocabularySize, hiddenSize] as const
  const { words, decoder } = readVocabularyWeights(config, weights, names, dims)
  const addStates = (graph: OnnxGraph, { ids, mask }: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, LAYER_NORM_EPSILON)
    const table = `${embeddings}.position_embeddings.weight`
    const positions = weights.floats(table, [maxPositions, hiddenSize])
    const looked = graph.node('Gather', [graph.floats(words, dims), ids])
    const placed = addFirstPositions(graph, positions, hiddenSize, ids)
    const bias = addPaddingBias(graph, mask)
    let states = layers.norm(`${embeddings}.LayerNorm`, looked, { residual: placed })
    for (let layer = 0; layer < numLayers; layer++) {
      const parts = layerNames(`distilbert.transformer.layer.${layer}`)
      states = addPostNormLayer(layers, sizes, parts, states, bias)
    }
    const dense = layers.dense('vocab_transform', states, hiddenSize)
    return layers.norm('vocab_layer_norm', activation(graph, dense))
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates, decoder }
}

function layerNames(layer: string): PostNormNames {
  return {
    query: `${layer}.attention.q_lin`,
    key: `${layer}.attention.k_lin`,
    value: `${layer}.attention.v_lin`,
    attentionOutput: `${layer}.attention.out_lin`,
    attentionNorm: `${layer}.sa_layer_norm`,
    wide: `${layer}.ffn.lin1`,
    narrow: `${layer}.ffn.lin2`,
    outputNorm: `${layer}.output_layer_norm`
  }
}
