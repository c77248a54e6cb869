import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'

/** The function between the two dense layers of a transformer's feed-forward part. */
export type HiddenActivation = (graph: OnnxGraph, input: Tensor) => Tensor

/** Gaussian error linear unit (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export const gelu: HiddenActivation = (graph, input) => graph.node('Gelu', [input])

/** The approximation of the same paper, which BERT's first release used. */
const geluTanh: HiddenActivation = (graph, input) =>
  graph.node('Gelu', [input], { approximate: 'tanh' })

/** By the names that transformers gives them; several are one function computed in other ways. */
const ACTIVATIONS: Readonly<Record<string, HiddenActivation>> = {
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu: (graph, input) => graph.node('Relu', [input])
}

/**
 * The activation that a field of the config names; `gelu` where it is absent.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for one that is not known
 */
export function readActivation(config: ModelConfig, field: string): HiddenActivation {
  config.require(field, Object.keys(ACTIVATIONS))
  return config.has(field) ? ACTIVATIONS[config.text(field)]! : gelu
}
