import type { MaskedLanguageModel } from './masked-language-model.ts'
import { addAllLogits } from './masked-prediction.ts'
import { OnnxGraph, type Tensor } from './onnx-model.ts'
import type { GraphModel } from './session.ts'
import { addSpladePooling, padWithFirst, type SpladeHead } from './splade-pooling.ts'
import { GRAPH_PORTS } from './token-batch.ts'

/** The graph of a sparse encoder: token ids and mask in, one number a term out. */
export function buildSpladeGraph(model: MaskedLanguageModel, head: SpladeHead): GraphModel {
  return buildGraph(model, ['batch', model.vocabularySize], (graph, states, mask) =>
    addSpladePooling(graph, states, mask, model.decoder, head)
  )
}

/** The graph of the masked-language head alone: the logits of every term at every position. */
export function buildLogitsGraph(model: MaskedLanguageModel): GraphModel {
  return buildGraph(model, ['batch', 'length', model.vocabularySize], (graph, states) =>
    addAllLogits(graph, states, model.decoder)
  )
}

/**
 * The graph of all but the last layer: float32 states `[batch, length, hidden]`, of which those of
 * padding are the text's first, so that they change no maximum.
 */
export function buildStatesGraph(model: MaskedLanguageModel): GraphModel {
  return buildGraph(model, ['batch', 'length', model.hiddenSize], padWithFirst)
}

function buildGraph(
  model: MaskedLanguageModel,
  outputDims: readonly (number | string)[],
  addHead: (graph: OnnxGraph, states: Tensor, mask: Tensor) => Tensor
): GraphModel {
  const graph = new OnnxGraph()
  const ids = graph.input(GRAPH_PORTS.ids, 'int32', ['batch', 'length'])
  const mask = graph.input(GRAPH_PORTS.mask, 'float32', ['batch', 'length'])
  const states = model.addStates(graph, { ids, mask })
  graph.output(GRAPH_PORTS.output, addHead(graph, states, mask), 'float32', outputDims)
  return graph.toModel()
}
