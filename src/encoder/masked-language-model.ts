import type { OnnxGraph, Tensor } from './onnx-model.ts'

/** The inputs of encoder graphs. */
export interface TokenInputs {
  /** Token ids, int32 `[batch, length]`. */
  readonly ids: Tensor
  /** 1 for a token, 0 for padding, float32 `[batch, length]`. */
  readonly mask: Tensor
  /**
   * Of which text each token is, int32 `[batch, length]`; absent: all are of the first. Only BERT and
   * RoBERTa have embeddings for it.
   */
  readonly types?: Tensor
}

/** A transformer without any head: token ids become one state a token. */
export interface TransformerEncoder {
  readonly vocabularySize: number
  readonly hiddenSize: number
  /** The longest sequence of tokens that the model has positions for. */
  readonly maxPositions: number
  /** How many types of tokens it tells apart; absent: it has no inputs for them. */
  readonly numTokenTypes?: number
  /** Adds the encoder; float32 `[batch, length, hidden]`, of which those of padding mean nothing. */
  addStates(graph: OnnxGraph, inputs: TokenInputs): Tensor
}

/** The last layer of a masked-language head: `logits = states · matrixᵀ + bias`. */
export interface Decoder {
  /** Row-major `[vocabulary, hidden]`. */
  readonly matrix: Float32Array
  /** `[vocabulary]`. */
  readonly bias: Float32Array
}

/**
 * What a family of masked language models gives to build a sparse encoder from: all of the model
 * but its last layer, as operators of a graph, and the weights of that last layer.
 */
export interface MaskedLanguageModel extends TransformerEncoder {
  /** Adds the encoder and its head up to the decoder; float32 `[batch, length, hidden]`. */
  addStates(graph: OnnxGraph, inputs: TokenInputs): Tensor
  readonly decoder: Decoder
}
