import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const tiny = fileURLToPath(new URL('../../models/splade-tiny/', import.meta.url))

/** Sizes of well-known models: layers, width, heads. The vocabulary is that of all BERTs. */
export const SHAPES = {
  minilm: { layers: 6, hidden: 384, heads: 12 },
  'bert-base': { layers: 12, hidden: 768, heads: 12 }
}

const VOCABULARY = 30522
const POSITIONS = 512
/** The deviation of weights before training. */
const DEVIATION = 0.02
/** The bias of all terms, in deviations of a logit: leaves a hundred or two terms a text. */
const BIAS_DEVIATIONS = -4

/**
 * Writes the checkpoint of a model with random weights: good for nothing but its speed.
 *
 * @param {keyof typeof SHAPES} shape
 * @param {string} folder where it goes
 * @returns {string} the model's folder
 */
export function writeShape(shape, folder) {
  const { layers, hidden, heads } = SHAPES[shape]
  const path = join(folder, shape)
  mkdirSync(path)
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(tiny, file), join(path, file))
  }
  const config = {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: VOCABULARY,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * hidden,
    hidden_act: 'gelu',
    max_position_embeddings: POSITIONS,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12
  }
  writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  writeFileSync(join(path, 'model.safetensors'), safetensors(tensorsOf(layers, hidden)))
  return path
}

/** Names, sizes, and the constant that a tensor is filled with where it is not random. */
function tensorsOf(layers, hidden) {
  const dense = (name, outputs, inputs) => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs], 0]
  ]
  const norm = name => [
    [`${name}.weight`, [hidden], 1],
    [`${name}.bias`, [hidden], 0]
  ]
  const layer = name => [
    ...['query', 'key', 'value'].flatMap(part =>
      dense(`${name}.attention.self.${part}`, hidden, hidden)
    ),
    ...dense(`${name}.attention.output.dense`, hidden, hidden),
    ...norm(`${name}.attention.output.LayerNorm`),
    ...dense(`${name}.intermediate.dense`, 4 * hidden, hidden),
    ...dense(`${name}.output.dense`, hidden, 4 * hidden),
    ...norm(`${name}.output.LayerNorm`)
  ]
  const logitDeviation = DEVIATION * Math.sqrt(hidden)
  return [
    ['bert.embeddings.word_embeddings.weight', [VOCABULARY, hidden]],
    ['bert.embeddings.position_embeddings.weight', [POSITIONS, hidden]],
    ['bert.embeddings.token_type_embeddings.weight', [2, hidden]],
    ...norm('bert.embeddings.LayerNorm'),
    ...Array.from({ length: layers }, (_, i) => layer(`bert.encoder.layer.${i}`)).flat(),
    ...dense('cls.predictions.transform.dense', hidden, hidden),
    ...norm('cls.predictions.transform.LayerNorm'),
    ['cls.predictions.bias', [VOCABULARY], BIAS_DEVIATIONS * logitDeviation]
  ]
}

/** @param {[name: string, shape: number[], fill?: number][]} tensors */
function safetensors(tensors) {
  const header = {}
  let end = 0
  for (const [name, shape] of tensors) {
    const start = end
    end += 4 * shape.reduce((product, size) => product * size, 1)
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] }
  }
  const json = Buffer.from(JSON.stringify(header))
  const padded = Buffer.alloc(8 * Math.ceil(json.length / 8), ' ')
  json.copy(padded)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const next = noise()
  const data = tensors.map(([, shape, fill]) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
    if (fill !== undefined) values.fill(fill)
    else for (let i = 0; i < values.length; i++) values[i] = next()
    return Buffer.from(values.buffer)
  })
  return Buffer.concat([length, padded, ...data])
}

/** Even numbers of deviation {@link DEVIATION}, the same in every run. */
function noise() {
  let seed = 1
  const width = DEVIATION * Math.sqrt(12)
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return (seed / 2 ** 32 - 0.5) * width
  }
}
