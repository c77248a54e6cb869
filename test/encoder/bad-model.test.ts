import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { packageRoot } from '../../src/node/package-root.ts'

const shipped = join(packageRoot(), 'models/splade-tiny')
const configJson = JSON.parse(readFileSync(join(shipped, 'config.json'), 'utf8'))
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-model-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A copy of the shipped model with some of its files replaced; null removes one. */
function model(changes: Record<string, string | Uint8Array | null>): string {
  const copy = mkdtempSync(join(folder, 'm-'))
  cpSync(shipped, copy, { recursive: true })
  for (const [file, content] of Object.entries(changes)) {
    if (content === null) rmSync(join(copy, file))
    else writeFileSync(join(copy, file), content)
  }
  return copy
}

const weights = () => readFileSync(join(shipped, 'model.safetensors'))
const config = (changes: object) => JSON.stringify({ ...configJson, ...changes })

describe('a broken model is refused by file and reason', () => {
  it.each<[string, () => Record<string, string | Uint8Array | null>, string, string]>([
    ['no weights', () => ({ 'model.safetensors': null }), 'MODEL_NOT_FOUND', 'model.safetensors'],
    ['no config', () => ({ 'config.json': null }), 'MODEL_NOT_FOUND', 'config.json'],
    ['no tokenizer', () => ({ 'tokenizer.json': null }), 'MODEL_NOT_FOUND', 'tokenizer.json'],
    [
      'config cut short',
      () => ({ 'config.json': '{"model_type": "be' }),
      'MODEL_FILE_INVALID',
      'config.json'
    ],
    ['config is a list', () => ({ 'config.json': '[]' }), 'MODEL_FILE_INVALID', 'config.json'],
    [
      'tokenizer is no JSON',
      () => ({ 'tokenizer.json': 'x' }),
      'MODEL_FILE_INVALID',
      'tokenizer.json'
    ],
    [
      'weights cut short',
      () => ({ 'model.safetensors': weights().subarray(0, 1e6) }),
      'MODEL_FILE_INVALID',
      'model.safetensors'
    ],
    [
      'another family',
      () => ({ 'config.json': config({ model_type: 't5' }) }),
      'MODEL_UNSUPPORTED',
      't5'
    ],
    [
      'a family called __proto__',
      () => ({ 'config.json': config({ model_type: '__proto__' }) }),
      'MODEL_UNSUPPORTED',
      '__proto__'
    ],
    [
      'another activation',
      () => ({ 'config.json': config({ hidden_act: 'swish' }) }),
      'MODEL_UNSUPPORTED',
      'swish'
    ],
    [
      'relative positions',
      () => ({ 'config.json': config({ position_embedding_type: 'relative_key' }) }),
      'MODEL_UNSUPPORTED',
      'relative_key'
    ],
    [
      'a size that is a word',
      () => ({ 'config.json': config({ hidden_size: 'big' }) }),
      'MODEL_FILE_INVALID',
      'hidden_size'
    ],
    [
      'heads that do not divide',
      () => ({ 'config.json': config({ num_attention_heads: 3 }) }),
      'MODEL_FILE_INVALID',
      'hidden_size'
    ],
    [
      'a larger hidden size',
      () => ({ 'config.json': config({ hidden_size: 256 }) }),
      'MODEL_MISMATCH',
      'word_embeddings'
    ],
    [
      'a third layer',
      () => ({ 'config.json': config({ num_hidden_layers: 3 }) }),
      'MODEL_MISMATCH',
      'layer.2'
    ],
    [
      'a smaller vocabulary',
      () => ({ 'config.json': config({ vocab_size: 30000 }) }),
      'MODEL_MISMATCH',
      '30000'
    ]
  ])('%s', async (_, changes, code, place) => {
    const loading = SparseEncoder.load(model(changes()))
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(place)
  })

  it('a name that is neither a model nor a folder', async () => {
    await expect(SparseEncoder.load('./no/such-model')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND'
    })
  })

  it('weights that are no numbers are noticed, not dropped', async () => {
    const bytes = new Uint8Array(weights())
    // The last 128 floats are of the head's transform: NaN there reaches every term.
    new Float32Array(bytes.buffer, bytes.length - 512).fill(Number.NaN)
    await using encoder = await SparseEncoder.load(model({ 'model.safetensors': bytes }))
    await expect(encoder.encodeQuery('fog')).rejects.toMatchObject({ code: 'RUNTIME_FAILED' })
  })

  it.each([
    [{ pooling: 'mean' as 'max' }],
    [{ maxTokens: 2 }],
    [{ maxTokens: 513 }],
    [{ maxBatchTokens: 0 }],
    [{ numThreads: 0 }]
  ])('load option %j', async options => {
    await expect(SparseEncoder.load('splade-tiny', options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
  })
})

describe('a folder of sentence-transformers', () => {
  it('brings its pooling, unless the caller names one', async () => {
    const types = { '': 'MLMTransformer', '1_SpladePooling': 'SpladePooling' }
    const modules = Object.entries(types).map(([path, kind]) => ({
      path,
      type: `sentence_transformers.sparse_encoder.models.${kind}`
    }))
    const copy = model({ 'modules.json': JSON.stringify(modules) })
    mkdirSync(join(copy, '1_SpladePooling'))
    const pooling = { pooling_strategy: 'sum', activation_function: 'relu' }
    writeFileSync(join(copy, '1_SpladePooling', 'config.json'), JSON.stringify(pooling))
    await using own = await SparseEncoder.load(copy)
    await using named = await SparseEncoder.load(copy, { pooling: 'max' })
    await using shipped = await SparseEncoder.load('splade-tiny', { pooling: 'sum' })
    expect([own.pooling, named.pooling]).toEqual(['sum', 'max'])
    expect(await own.encodeQuery('fog horn')).toEqual(await shipped.encodeQuery('fog horn'))
  })
})

describe('a closed encoder', () => {
  it('says so', async () => {
    const encoder = await SparseEncoder.load('splade-tiny')
    await encoder.close()
    await expect(encoder.encodeQuery('fog')).rejects.toThrow('the encoder is closed')
    await expect(encoder.predictMasked('a [MASK]')).rejects.toThrow('the encoder is closed')
  })
})

describe('without onnxruntime-node', () => {
  const failToLoad = (name: string) =>
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`)
    })
  beforeEach(() => {
    vi.resetModules()
    failToLoad('onnxruntime-node')
  })
  afterEach(() => {
    vi.doUnmock('onnxruntime-node')
    vi.doUnmock('onnxruntime-web')
    vi.resetModules()
  })

  it('nor onnxruntime-web, the error names the package and how to install it', async () => {
    failToLoad('onnxruntime-web')
    const { SparseEncoder: WithoutRuntime } = await import('../../src/entry/encoder.ts')
    const loading = WithoutRuntime.load('splade-tiny')
    await expect(loading).rejects.toMatchObject({ code: 'RUNTIME_MISSING' })
    await expect(loading).rejects.toThrow('ONNXRUNTIME_NODE_INSTALL=skip npm i onnxruntime-node')
  })

  it('onnxruntime-web stands in, and vectors are the same', async () => {
    const text = 'fog over the harbour'
    await using native = await SparseEncoder.load('splade-tiny', { numThreads: 1 })
    const expected = await native.encodeQuery(text)
    const { SparseEncoder: OfWeb } = await import('../../src/entry/encoder.ts')
    await using encoder = await OfWeb.load('splade-tiny', { numThreads: 1 })
    const { terms, weights } = await encoder.encodeQuery(text)
    expect([...terms]).toEqual([...expected.terms])
    expect(Math.max(...weights.map((w, i) => Math.abs(w - expected.weights[i]!)))).toBeLessThan(
      1e-4
    )
    await expect(OfWeb.load('splade-tiny', { device: 'cuda' })).rejects.toThrow(/Expected cpu/)
  })
})

describe('a device that is not there', () => {
  it('is refused with the names of those that are', async () => {
    const device = 'abacus' as 'cuda'
    const loading = SparseEncoder.load('splade-tiny', { device })
    await expect(loading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place: 'device' })
    await expect(loading).rejects.toThrow(/"abacus".*Expected cpu/)
  })
})
