import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { buildLogitsGraph, buildSpladeGraph } from '../../src/encoder/encoder-graph.ts'
import { Float32Encoder } from '../../src/encoder/float32-encoder.ts'
import type { MaskedLanguageModel } from '../../src/encoder/masked-language-model.ts'
import { ModelConfig } from '../../src/encoder/model-config.ts'
import { readMaskedLanguageModel } from '../../src/encoder/model-families.ts'
import { SafeTensors } from '../../src/encoder/safetensors.ts'
import { createSession } from '../../src/encoder/session.ts'
import { feedsOf, GRAPH_PORTS, tokenBatch } from '../../src/encoder/token-batch.ts'
import type { Weights } from '../../src/encoder/weights.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

/** Outputs of transformers 5.23 (float32) for the random checkpoint in the same folder. */
interface Golden {
  readonly cases: readonly {
    readonly input_ids: readonly number[]
    readonly terms: readonly number[]
    readonly max: readonly number[]
    readonly sum: readonly number[]
  }[]
  readonly logits: { readonly input_ids: readonly number[]; readonly values: readonly number[] }
  readonly sentences?: readonly string[]
}

const TOLERANCE = 1e-4
const FAMILIES = [
  'bert',
  'bert-untied',
  'distilbert',
  'roberta',
  'xlm-roberta',
  'modernbert',
  'modernbert-biases'
] as const

const folderOf = (name: string) =>
  fileURLToPath(new URL(`../golden/families/${name}`, import.meta.url))
const goldenOf = (name: string): Golden =>
  JSON.parse(readFileSync(`${folderOf(name)}/golden.json`, 'utf8'))
const configOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`${folderOf(name)}/config.json`, 'utf8'))
const weightsOf = (name: string): Weights =>
  new SafeTensors(readFileSync(`${folderOf(name)}/model.safetensors`), 'model.safetensors')

/** The model of a folder with other fields in its config, or with other weights. */
function modelOf(name: string, changes: object = {}, weights?: Weights): MaskedLanguageModel {
  const config = new ModelConfig({ ...configOf(name), ...changes }, 'config.json')
  return readMaskedLanguageModel(config, weights ?? weightsOf(name))
}

/** The same tensors under other names; a tensor renamed to undefined is gone. */
function renamed(weights: Weights, nameOf: (name: string) => string | undefined): Weights {
  const known = (name: string) => nameOf(name) ?? 'no such tensor'
  return {
    has: name => weights.has(known(name)),
    shapeOf: name => weights.shapeOf(known(name)),
    floats: (name, dims) => weights.floats(known(name), dims)
  }
}

/** The largest difference of a weight; fails where the terms are not the same. */
function worstDifference(
  vector: SparseVector,
  one: Golden['cases'][number],
  pooling: 'max' | 'sum'
) {
  expect([...vector.terms]).toEqual(one.terms)
  return Math.max(0, ...one[pooling].map((weight, i) => Math.abs(weight - vector.weights[i]!)))
}

async function withEncoder(
  model: MaskedLanguageModel,
  pooling: 'max' | 'sum',
  use: (encoder: Float32Encoder) => Promise<void>
): Promise<void> {
  const head = { pooling, activation: 'relu' } as const
  const session = await createSession(buildSpladeGraph(model, head), 1)
  const encoder = new Float32Encoder(session, head, 0)
  await use(encoder)
  await encoder.close()
}

/** Encodes all cases in one batch and compares with the golden file. */
async function expectGolden(name: string, model: MaskedLanguageModel): Promise<void> {
  const { cases } = goldenOf(name)
  await withEncoder(model, 'sum', async encoder => {
    const vectors = await encoder.encode(cases.map(one => Uint32Array.from(one.input_ids)))
    for (const [row, one] of cases.entries()) {
      expect(worstDifference(vectors[row]!, one, 'sum')).toBeLessThan(TOLERANCE)
    }
  })
}

describe.each(FAMILIES)('%s equals transformers', name => {
  const golden = goldenOf(name)
  const texts = golden.cases.map(one => Uint32Array.from(one.input_ids))

  it.each(['max', 'sum'] as const)('%s pooling, alone and in batches', async pooling => {
    expect(texts.length).toBeGreaterThanOrEqual(8)
    await withEncoder(modelOf(name), pooling, async encoder => {
      const check = (vectors: readonly SparseVector[], cases: Golden['cases']) => {
        for (const [row, one] of cases.entries()) {
          expect(worstDifference(vectors[row]!, one, pooling)).toBeLessThan(TOLERANCE)
        }
      }
      check(await encoder.encode(texts), golden.cases)
      check(await encoder.encode([...texts].reverse()), [...golden.cases].reverse())
      for (const [i, text] of texts.entries()) {
        check(await encoder.encode([text]), [golden.cases[i]!])
      }
    })
  })

  it('logits', async () => {
    const session = await createSession(buildLogitsGraph(modelOf(name)), 1)
    const { input_ids: ids, values } = golden.logits
    const outputs = await session.run(feedsOf(tokenBatch([Uint32Array.from(ids)], 0)))
    const logits = outputs[GRAPH_PORTS.output]!.data as Float32Array
    expect(logits.length).toBe(values.length)
    expect(Math.max(...values.map((value, i) => Math.abs(value - logits[i]!)))).toBeLessThan(1e-4)
    await session.close()
  })

  it('has positions for its longest text, and for no longer one', () => {
    const { maxPositions, vocabularySize, hiddenSize } = modelOf(name)
    expect(maxPositions).toBe(Math.max(...texts.map(text => text.length)))
    expect([vocabularySize, hiddenSize]).toEqual([name === 'xlm-roberta' ? 1002 : 1000, 32])
  })
})

describe.each(['bert', 'distilbert'])('%s with its tokenizer', name => {
  it('loads from its folder and encodes texts', async () => {
    const { sentences, cases } = goldenOf(name)
    await using encoder = await SparseEncoder.load(folderOf(name), { maxTokens: 64 })
    const vectors = await encoder.encodeDocument(sentences!)
    expect(vectors).toHaveLength(4)
    for (const [row, one] of cases.slice(-sentences!.length).entries()) {
      const { ids } = encoder.tokenizer.tokenize(sentences![row]!, { maxTokens: 64 })
      expect([...ids]).toEqual(one.input_ids)
      expect(worstDifference(vectors[row]!, one, 'max')).toBeLessThan(TOLERANCE)
    }
  })
})

describe('variants of a checkpoint', () => {
  it.each(FAMILIES)('%s: scale and shift under their old names', async name => {
    const weights = renamed(weightsOf(name), tensor =>
      /norm\.(weight|bias)$/i.test(tensor)
        ? undefined
        : tensor.replace(/gamma$/, 'weight').replace(/beta$/, 'bias')
    )
    await expectGolden(name, modelOf(name, {}, weights))
  })

  it.each<[string, string, string]>([
    ['bert', 'bert.embeddings.word_embeddings.weight', 'cls.predictions.decoder.weight'],
    ['distilbert', 'distilbert.embeddings.word_embeddings.weight', 'vocab_projector.weight'],
    ['roberta', 'roberta.embeddings.word_embeddings.weight', 'lm_head.decoder.weight'],
    ['modernbert', 'model.embeddings.tok_embeddings.weight', 'decoder.weight']
  ])('%s: the one matrix of both ends under the other name', async (name, words, matrix) => {
    const stored = weightsOf(name)
    expect([stored.has(words), stored.has(matrix)]).toEqual([true, false])
    const names: Record<string, string | undefined> = { [words]: undefined, [matrix]: words }
    const weights = renamed(stored, tensor => (tensor in names ? names[tensor] : tensor))
    await expectGolden(name, modelOf(name, {}, weights))
    expect(() => modelOf(name, { tie_word_embeddings: false })).toThrow(matrix)
  })

  it('modernbert: the config of transformers 4', async () => {
    await expectGolden(
      'modernbert',
      modelOf('modernbert', {
        layer_types: undefined,
        rope_parameters: undefined,
        global_attn_every_n_layers: 3,
        global_rope_theta: 160000.0,
        local_rope_theta: 10000.0,
        position_embedding_type: 'absolute'
      })
    )
  })

  it.each([
    ['rotary base', { rope_parameters: undefined, local_rope_theta: null }],
    ['window', { local_attention: 6 }],
    ['kinds of layers', { layer_types: undefined, global_attn_every_n_layers: 2 }]
  ])('modernbert: another %s gives other vectors', async (_, changes) => {
    const { cases } = goldenOf('modernbert')
    await withEncoder(modelOf('modernbert', changes), 'max', async encoder => {
      const [vector] = await encoder.encode([Uint32Array.from(cases.at(-1)!.input_ids)])
      expect([...vector!.terms]).not.toEqual(cases.at(-1)!.terms)
    })
  })
})

describe('what is not read is refused by name', () => {
  it.each<[string, object, string, string]>([
    ['bert', { position_embedding_type: 'relative_key' }, 'MODEL_UNSUPPORTED', 'relative_key'],
    ['bert', { hidden_act: 'silu' }, 'MODEL_UNSUPPORTED', 'silu'],
    ['bert', { is_decoder: true }, 'MODEL_UNSUPPORTED', 'is_decoder'],
    ['bert', { model_type: 'deberta-v2' }, 'MODEL_UNSUPPORTED', 'deberta-v2'],
    ['bert', { num_attention_heads: 5 }, 'MODEL_FILE_INVALID', 'num_attention_heads'],
    ['bert', { tie_word_embeddings: 'no' }, 'MODEL_FILE_INVALID', 'tie_word_embeddings'],
    ['bert-untied', { type_vocab_size: 2 }, 'MODEL_MISMATCH', 'token_type_embeddings'],
    ['distilbert', { activation: 'swish' }, 'MODEL_UNSUPPORTED', 'swish'],
    ['distilbert', { n_heads: 7 }, 'MODEL_FILE_INVALID', 'n_heads'],
    ['roberta', { pad_token_id: -1 }, 'MODEL_FILE_INVALID', 'pad_token_id'],
    ['roberta', { pad_token_id: 66 }, 'MODEL_FILE_INVALID', 'pad_token_id'],
    ['xlm-roberta', { position_embedding_type: 'x' }, 'MODEL_UNSUPPORTED', 'position_embedding'],
    ['modernbert', { hidden_activation: 'mish' }, 'MODEL_UNSUPPORTED', 'mish'],
    ['modernbert', { decoder_bias: false }, 'MODEL_UNSUPPORTED', 'decoder_bias'],
    ['modernbert', { rope_scaling: { factor: 2 } }, 'MODEL_UNSUPPORTED', 'rope_scaling'],
    ['modernbert', { layer_types: ['full_attention'] }, 'MODEL_UNSUPPORTED', 'layer_types'],
    ['modernbert', { layer_types: 'full' }, 'MODEL_FILE_INVALID', 'layer_types'],
    ['modernbert', { rope_parameters: { rope_theta: 5 } }, 'MODEL_UNSUPPORTED', 'rope_theta'],
    [
      'modernbert',
      { rope_parameters: { full_attention: { rope_type: 'yarn', rope_theta: 5 } } },
      'MODEL_UNSUPPORTED',
      'yarn'
    ],
    ['modernbert', { num_attention_heads: 32 }, 'MODEL_FILE_INVALID', 'a head has 1 elements']
  ])('%s with %j', (name, changes, code, message) => {
    const read = () => buildLogitsGraph(modelOf(name, changes))
    expect(read).toThrow(expect.objectContaining({ code }))
    expect(read).toThrow(message)
  })

  it.each([
    ['bert', 'cls.predictions.transform.dense.weight'],
    ['distilbert', 'vocab_transform.weight'],
    ['roberta', 'lm_head.dense.weight'],
    ['modernbert', 'head.dense.weight']
  ])('%s saved without its head', (name, head) => {
    const base = renamed(weightsOf(name), tensor => (tensor === head ? undefined : tensor))
    const read = () => modelOf(name, {}, base)
    expect(read).toThrow(expect.objectContaining({ code: 'MODEL_MISMATCH' }))
    expect(read).toThrow(head)
  })
})
