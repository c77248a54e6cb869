import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/encoder/checkpoint.ts'
import { poolStates } from '../../src/encoder/dense-pooling.ts'
import { readTransformerEncoder } from '../../src/encoder/model-families.ts'
import { OnnxGraph } from '../../src/encoder/onnx-model.ts'
import { buildTransformerGraph } from '../../src/encoder/open-dense-model.ts'
import { DenseEncoder, type DenseVector, type EncodeProgress } from '../../src/entry/encoder.ts'
import { findModel } from '../../src/node/model-folder.ts'

/** Outputs of sentence-transformers 6.2, or of onnxruntime for the MiniLM. */
interface Golden {
  readonly texts: readonly string[]
  readonly queries: readonly (readonly number[])[]
  readonly documents: readonly (readonly number[])[]
}

const TOLERANCE = 1e-4
const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const goldenOf = <T = Golden>(file: string): T =>
  JSON.parse(readFileSync(pathOf(`test/golden/dense/${file}`), 'utf8'))
const folderOf = (name: string) => pathOf(`test/golden/dense/${name}`)

/** The largest difference of a number. */
function worst(vectors: readonly DenseVector[], expected: readonly (readonly number[])[]): number {
  expect(vectors.map(({ length }) => length)).toEqual(expected.map(({ length }) => length))
  const differences = vectors.flatMap((vector, row) =>
    Array.from(vector, (value, i) => Math.abs(value - expected[row]![i]!))
  )
  return differences.reduce((a, b) => Math.max(a, b), 0)
}

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A copy of a folder, in which files are written anew. */
function changed(
  name: string,
  files: Readonly<Record<string, object | Uint8Array | null>>
): string {
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-dense-'))
  folders.push(folder)
  cpSync(folderOf(name), folder, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    if (content === null) rmSync(join(folder, file))
    else
      writeFileSync(
        join(folder, file),
        content instanceof Uint8Array ? content : JSON.stringify(content)
      )
  }
  return folder
}

describe.each([
  ['bert-mean', 'mean', true],
  ['distilbert-cls', 'cls', false],
  ['roberta-max', 'max', false],
  ['xlm-roberta-mean', 'mean', false],
  ['modernbert-cls', 'cls', true]
] as const)('%s equals sentence-transformers', (name, pooling, isNormalized) => {
  const { texts, queries, documents } = goldenOf(`${name}/golden.json`)

  it('queries and documents, together and alone', async () => {
    await using encoder = await DenseEncoder.load(folderOf(name))
    const { dimensions } = encoder
    expect({ dimensions, pooling: encoder.pooling, isNormalized: encoder.isNormalized }).toEqual({
      dimensions: 16,
      pooling,
      isNormalized
    })
    expect(texts.length).toBeGreaterThan(5)
    expect(worst(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
    expect(worst(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
    for (const [i, text] of texts.entries()) {
      const alone = await encoder.encodeDocument(text)
      expect(worst([alone], [documents[i]!])).toBeLessThan(TOLERANCE)
    }
  })
})

describe('other ways to load a model', () => {
  it('weights with a masked-language head, without modules.json: mean, not normalised', async () => {
    const { texts, documents } = goldenOf('masked-bert.json')
    await using encoder = await DenseEncoder.load(pathOf('test/golden/families/bert'))
    expect([encoder.pooling, encoder.isNormalized]).toEqual(['mean', false])
    expect(worst(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
    await using unit = await DenseEncoder.load(pathOf('test/golden/families/bert'), {
      normalize: true
    })
    const [vector] = await unit.encodeDocument([texts[1]!])
    const length = Math.hypot(...documents[1]!)
    expect(worst([vector!], [documents[1]!.map(value => value / length)])).toBeLessThan(TOLERANCE)
    expect(unit.fingerprint).not.toBe(encoder.fingerprint)
  })

  it('a ready graph: MiniLM in int8, as onnxruntime and numpy have it', async () => {
    const { texts, vectors } = goldenOf<{ texts: string[]; vectors: number[][] }>('minilm.json')
    const path = pathOf('models/all-MiniLM-L6-v2/model_int8.onnx')
    await using encoder = await DenseEncoder.load(path)
    const { name, dimensions, pooling, isNormalized, maxTokens } = encoder
    expect({ name, dimensions, pooling, isNormalized, maxTokens }).toEqual({
      name: 'all-MiniLM-L6-v2',
      dimensions: 384,
      pooling: 'mean',
      isNormalized: true,
      maxTokens: 256
    })
    expect(worst(await encoder.encodeDocument(texts), vectors)).toBeLessThan(TOLERANCE)
    expect(worst(await encoder.encodeQuery(texts), vectors)).toBeLessThan(TOLERANCE)
  })

  it('a ready graph with the output sentence_embedding pools by itself', async () => {
    const folder = changed('xlm-roberta-mean', { 'model.safetensors': null, 'modules.json': null })
    const files = await findModel(folderOf('xlm-roberta-mean'))
    const checkpoint = await readCheckpoint(files, readTransformerEncoder)
    const graph = new OnnxGraph()
    const ids = graph.input('input_ids', 'int32', ['batch', 'length'])
    const mask = graph.input('attention_mask', 'float32', ['batch', 'length'])
    const states = checkpoint!.model.addStates(graph, { ids, mask })
    const largest = graph.node('ReduceMax', [states, graph.integers([1])], { keepdims: 0 })
    graph.output('sentence_embedding', largest, 'float32', ['batch', 16])
    writeFileSync(join(folder, 'model.onnx'), graph.toBytes())
    await using encoder = await DenseEncoder.load(folder, { maxBatchTokens: 1 })
    expect(encoder.pooling).toBe('as-exported')
    const text = goldenOf('xlm-roberta-mean/golden.json').texts[1]!
    await using own = await DenseEncoder.load(folderOf('xlm-roberta-mean'), { pooling: 'max' })
    const expected = [...(await own.encodeDocument(text))]
    expect(worst([await encoder.encodeDocument(text)], [expected])).toBeLessThan(TOLERANCE)
    await expect(DenseEncoder.load(folder, { pooling: 'max' })).rejects.toThrow('pools by itself')
  })

  it('a graph with last_hidden_state, and one with neither', async () => {
    const files = await findModel(folderOf('bert-mean'))
    const checkpoint = await readCheckpoint(files, readTransformerEncoder)
    const { bytes: graph } = buildTransformerGraph(checkpoint!.model)
    const folder = changed('bert-mean', { 'model.safetensors': null, 'model.onnx': graph })
    // The names of its inputs are ours, not those of exporters.
    await expect(DenseEncoder.load(folder)).rejects.toThrow('asks for the input ids, mask')
    const logits = pathOf('test/golden/families/onnx-logits')
    await expect(DenseEncoder.load(logits)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })

  it('prompts, pooling and tokens may be asked for', async () => {
    const { texts, queries } = goldenOf('bert-mean/golden.json')
    const prompts = { query: '', document: 'Who knows: ' }
    await using encoder = await DenseEncoder.load(folderOf('bert-mean'), { prompts, maxTokens: 40 })
    expect(encoder.maxTokens).toBe(40)
    const short = texts.slice(0, 5)
    expect(worst(await encoder.encodeDocument(short), queries.slice(0, 5))).toBeLessThan(TOLERANCE)
    await expect(encoder.encodeQuery('a', { maxTokens: 65 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
    await using cls = await DenseEncoder.load(folderOf('bert-mean'), { pooling: 'cls' })
    expect(worst([await cls.encodeQuery(texts[1]!)], [queries[1]!])).toBeGreaterThan(0.01)
  })

  it('before version 5.5: one field a pooling', async () => {
    const { texts, documents } = goldenOf('bert-mean/golden.json')
    const folder = changed('bert-mean', {
      '1_Pooling/config.json': {
        word_embedding_dimension: 16,
        pooling_mode_cls_token: false,
        pooling_mode_mean_tokens: true,
        pooling_mode_max_tokens: false,
        pooling_mode_mean_sqrt_len_tokens: false
      },
      'sentence_bert_config.json': { max_seq_length: 64, do_lower_case: false }
    })
    await using encoder = await DenseEncoder.load(folder)
    expect(worst(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
  })
})

describe('what is not read is refused by name', () => {
  const dense = (kind: string, path: string) => ({
    type: `sentence_transformers.models.${kind}`,
    path
  })
  const [transformer, pooling] = [dense('Transformer', ''), dense('Pooling', '1_Pooling')]

  it.each<[string, Record<string, object | null>, string]>([
    ['Dense', { 'modules.json': [transformer, pooling, dense('Dense', '2_Dense')] }, 'Dense at'],
    ['no pooling', { 'modules.json': [transformer] }, 'the modules are Transformer'],
    [
      'two poolings',
      { '1_Pooling/config.json': { pooling_mode: ['mean', 'max'] } },
      'pooling_mode'
    ],
    ['lasttoken', { '1_Pooling/config.json': { pooling_mode: 'lasttoken' } }, 'lasttoken'],
    [
      'two of old',
      { '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_max_tokens: true } },
      'cls + max'
    ],
    [
      'a prompt not pooled',
      { '1_Pooling/config.json': { include_prompt: false } },
      'include_prompt'
    ],
    ['another field', { '1_Pooling/config.json': { scale: 2 } }, 'scale'],
    [
      'another task',
      { 'sentence_bert_config.json': { transformer_task: 'fill-mask' } },
      'fill-mask'
    ],
    ['an adapter', { 'adapter_config.json': {} }, 'adapter'],
    ['another family', { 'config.json': { model_type: 'mpnet' } }, 'mpnet']
  ])('%s', async (_, files, message) => {
    const loading = DenseEncoder.load(changed('bert-mean', files))
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    await expect(loading).rejects.toThrow(message)
  })

  it('a sparse model', async () => {
    const loading = DenseEncoder.load(pathOf('test/golden/layouts/splade-6'))
    await expect(loading).rejects.toThrow('SpladePooling')
  })

  it('options without meaning', async () => {
    const load = (options: object) => DenseEncoder.load(folderOf('bert-mean'), options)
    for (const options of [
      { pooling: 'sum' },
      { normalize: 'yes' },
      { prompts: { query: 1 } },
      { maxTokens: 2 },
      { maxBatchTokens: 0 },
      { numWorkers: -1 }
    ]) {
      await expect(load(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  })
})

describe('calls', () => {
  it('take a stream, report progress and stop by a signal', async () => {
    await using encoder = await DenseEncoder.load(folderOf('bert-mean'), { maxBatchTokens: 64 })
    const texts = Array.from({ length: 600 }, (_, i) => `rain ${i} on the roof`)
    const reports: EncodeProgress[] = []
    const vectors: DenseVector[] = []
    const stream = encoder.encodeDocument(
      (async function* () {
        yield* texts
      })(),
      { onProgress: progress => reports.push(progress) }
    )
    for await (const vector of stream) vectors.push(vector)
    const all = await encoder.encodeDocument(texts)
    expect(
      worst(
        vectors,
        all.map(vector => [...vector])
      )
    ).toBeLessThan(1e-5)
    expect(reports.at(-1)!.done).toBe(600)
    const controller = new AbortController()
    const stopped = encoder.encodeDocument(texts, {
      signal: controller.signal,
      onProgress: () => controller.abort()
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(encoder.encodeQuery(7 as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
    await encoder.close()
    await expect(encoder.encodeQuery('a')).rejects.toThrow('closed')
  })
})

describe('worker threads', () => {
  it('give what a session in this thread gives', async () => {
    const { texts, documents } = goldenOf('bert-mean/golden.json')
    await using encoder = await DenseEncoder.load(folderOf('bert-mean'), {
      numWorkers: 2,
      maxBatchTokens: 64
    })
    const vectors = await encoder.encodeDocument(texts)
    expect(vectors.every(vector => vector instanceof Float32Array)).toBe(true)
    expect(worst(vectors, documents)).toBeLessThan(TOLERANCE)
  })
})

describe('pooling', () => {
  const states = Float32Array.of(1, -2, 3, -4, 5, 0)

  it.each([
    ['mean', [3, -2]],
    ['cls', [1, -2]],
    ['max', [5, 0]]
  ] as const)('%s by hand', (pooling, expected) => {
    expect([...poolStates(states, 2, { pooling, normalize: false })]).toEqual(expected)
    const unit = poolStates(states, 2, { pooling, normalize: true })
    expect(Math.hypot(...unit)).toBeCloseTo(1, 6)
  })

  it('a vector of zeros has no direction and stays', () => {
    const zeros = poolStates(new Float32Array(4), 2, { pooling: 'mean', normalize: true })
    expect([...zeros]).toEqual([0, 0])
  })
})
