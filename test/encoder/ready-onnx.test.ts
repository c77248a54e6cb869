import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OnnxGraph } from '../../src/encoder/onnx-model.ts'
import { openBatchEncoder } from '../../src/encoder/open-batch-encoder.ts'
import { openModel } from '../../src/encoder/open-model.ts'
import { findOutput, readInputs } from '../../src/encoder/ready-onnx-ports.ts'
import { createSession, type SessionPort } from '../../src/encoder/session.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { findModel } from '../../src/node/model-folder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

/** What transformers makes of `bert`, from which all graphs here were exported. */
interface Golden {
  readonly cases: readonly {
    readonly input_ids: readonly number[]
    readonly terms: readonly number[]
    readonly max: readonly number[]
    readonly sum: readonly number[]
  }[]
  readonly sentences: readonly string[]
}

const families = fileURLToPath(new URL('../golden/families', import.meta.url))
const golden: Golden = JSON.parse(readFileSync(join(families, 'bert/golden.json'), 'utf8'))
const texts = golden.cases.map(one => Uint32Array.from(one.input_ids))
const GRAPHS = [
  ['onnx-logits', 'onnx/model.onnx'],
  ['onnx-segments', 'model.onnx'],
  ['onnx-pooled', 'model.onnx']
] as const

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-onnx-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function expectGolden(
  vectors: readonly SparseVector[],
  pooling: 'max' | 'sum',
  cases: Golden['cases'] = golden.cases
): void {
  expect(vectors).toHaveLength(cases.length)
  for (const [row, one] of cases.entries()) {
    const vector = vectors[row]!
    expect([...vector.terms]).toEqual(one.terms)
    const differences = one[pooling].map((weight, i) => Math.abs(weight - vector.weights[i]!))
    expect(Math.max(0, ...differences)).toBeLessThan(1e-4)
  }
}

async function encoderOf(source: string, pooling: 'max' | 'sum' = 'max') {
  const model = await openModel(await findModel(source), {})
  return openBatchEncoder(model.plan({ pooling, activation: 'relu' }, 0), 1)
}

describe.each(GRAPHS)('%s', (name, file) => {
  const poolings = name === 'onnx-pooled' ? (['max'] as const) : (['max', 'sum'] as const)

  it.each(poolings)('%s pooling equals transformers, alone and in a batch', async pooling => {
    const encoder = await encoderOf(join(families, name), pooling)
    expectGolden(await encoder.encode(texts), pooling)
    for (const [i, text] of texts.entries()) {
      expectGolden(await encoder.encode([text]), pooling, [golden.cases[i]!])
    }
    await encoder.close()
  })

  it('knows its sizes, and tells itself from other graphs', async () => {
    const model = await openModel(await findModel(join(families, name)), {})
    expect([model.vocabularySize, model.maxPositions]).toEqual([1000, 64])
    const others = GRAPHS.filter(([other]) => other !== name).map(async ([other]) => {
      return (await openModel(await findModel(join(families, other)), {})).fingerprint
    })
    expect(await Promise.all(others)).not.toContain(model.fingerprint)
    expect(model.fingerprint).toMatch(/^[0-9a-f]{8}$/)
  })

  it.each(['its folder', 'its path'])('encodes texts when loaded by %s', async how => {
    const source = how === 'its path' ? join(families, name, file) : join(families, name)
    await using encoder = await SparseEncoder.load(source, { maxTokens: 64 })
    expect(encoder.name).toBe(name)
    const cases = golden.cases.slice(-golden.sentences.length)
    expectGolden(await encoder.encodeDocument(golden.sentences), 'max', cases)
  })
})

describe('a ready graph', () => {
  it('gives the same weights with the activation of two logarithms as the checkpoint', async () => {
    const head = { pooling: 'sum', activation: 'log1p_relu' } as const
    const [built, ready] = await Promise.all(
      ['bert', 'onnx-logits'].map(async name => {
        const model = await openModel(await findModel(join(families, name)), {})
        const encoder = await openBatchEncoder(model.plan(head, 0), 1)
        const vectors = await encoder.encode(texts)
        await encoder.close()
        return vectors
      })
    )
    for (const [i, vector] of ready!.entries()) {
      expect(vector.terms).toEqual(built![i]!.terms)
      vector.weights.forEach((weight, at) => {
        expect(Math.abs(weight - built![i]!.weights[at]!)).toBeLessThan(1e-4)
      })
    }
  })

  it('predicts masked terms as the checkpoint does, unless it pools', async () => {
    const [built, ready, pooled] = await Promise.all(
      ['bert', 'onnx-logits', 'onnx-pooled'].map(name =>
        SparseEncoder.load(join(families, name), { maxTokens: 64 })
      )
    )
    const text = 'the [MASK] cannot remember'
    const expected = await built!.predictMasked(text, { top: 20 })
    const predicted = await ready!.predictMasked(text, { top: 20 })
    expect(predicted[0]!.map(({ term }) => term)).toEqual(expected[0]!.map(({ term }) => term))
    for (const [i, { weight }] of predicted[0]!.entries()) {
      expect(Math.abs(weight - expected[0]![i]!.weight)).toBeLessThan(1e-5)
    }
    const refused = pooled!.predictMasked(text)
    await expect(refused).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    await expect(refused).rejects.toThrow('pools by itself')
    await Promise.all([built!, ready!, pooled!].map(one => one.close()))
  })

  it('that pools lets nobody choose how', async () => {
    const source = join(families, 'onnx-pooled')
    for (const options of [{ pooling: 'sum' }, { activation: 'log1p_relu' }] as const) {
      await expect(SparseEncoder.load(source, options)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT'
      })
    }
    await using encoder = await SparseEncoder.load(source, { pooling: 'max', maxTokens: 64 })
    expect(encoder.pooling).toBe('max')
  })

  it('comes after weights, unless it is named', async () => {
    const both = join(folder, 'both')
    cpSync(join(families, 'distilbert'), both, { recursive: true })
    mkdirSync(join(both, 'onnx'))
    cpSync(join(families, 'onnx-logits/onnx/model.onnx'), join(both, 'onnx/model_other.onnx'))
    const config = readFileSync(join(families, 'bert/config.json'))
    writeFileSync(join(both, 'onnx/config.json'), config)
    const [weights, graph, distilbert, ready] = await Promise.all(
      [both, join(both, 'onnx/model_other.onnx'), 'distilbert', 'onnx-logits'].map(async source => {
        const path = source.startsWith('/') ? source : join(families, source)
        return (await openModel(await findModel(path), {})).fingerprint
      })
    )
    expect([weights, graph]).toEqual([distilbert, ready])
  })

  it('needs no config: its sizes are then its own', async () => {
    const bare = join(folder, 'bare')
    cpSync(join(families, 'onnx-segments'), bare, { recursive: true })
    rmSync(join(bare, 'config.json'))
    const model = await openModel(await findModel(bare), {})
    expect([model.vocabularySize, model.maxPositions]).toEqual([1000, 512])
  })

  it('that is absent, damaged or of another vocabulary is refused', async () => {
    const copy = join(folder, 'copy')
    cpSync(join(families, 'onnx-segments'), copy, { recursive: true })
    const config = JSON.parse(readFileSync(join(copy, 'config.json'), 'utf8'))
    writeFileSync(join(copy, 'config.json'), JSON.stringify({ ...config, vocab_size: 999 }))
    const refused = SparseEncoder.load(copy)
    await expect(refused).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    await expect(refused).rejects.toThrow('output: float32 [1, 1, 1000] for one token')
    writeFileSync(join(copy, 'model.onnx'), 'no graph')
    await expect(SparseEncoder.load(copy)).rejects.toMatchObject({ code: 'RUNTIME_FAILED' })
    rmSync(join(copy, 'model.onnx'))
    const absent = SparseEncoder.load(copy)
    await expect(absent).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(absent).rejects.toThrow('onnx/model.onnx')
  })
})

describe('inputs are known by their names', () => {
  const port = (name: string, type = 'int64', dims: SessionPort['dims'] = ['batch', 'length']) => ({
    name,
    type,
    dims
  })

  it.each<[string, SessionPort[], string]>([
    ['another input', [port('input_ids'), port('pixel_values')], 'pixel_values'],
    ['several others', [port('a'), port('b')], 'a, b'],
    ['no ids', [port('attention_mask')], 'no input for token ids'],
    ['ids as strings', [port('input_ids', 'string')], 'string'],
    ['one dimension', [port('input_ids', 'int64', ['length'])], '1 dimensions'],
    ['a fixed batch', [port('input_ids', 'int64', [8, 'length'])], '8 texts at a time']
  ])('%s is refused', (_, inputs, message) => {
    const read = () => readInputs(inputs, 'model.onnx')
    expect(read).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }))
    expect(read).toThrow(message)
  })
})

/**
 * A graph that shows what went in: each token's logits are (id, mask, type, number of texts,
 * length).
 */
function echoGraph(
  type: 'int32' | 'float32',
  names: { readonly mask?: string; readonly types?: string },
  dims: readonly (number | string)[] = ['batch', 'length']
): Uint8Array {
  const graph = new OnnxGraph()
  const floats = (name: string) => graph.node('Cast', [graph.input(name, type, dims)], { to: 1 })
  const ids = floats('input_ids')
  const zeros = graph.node('Mul', [ids, graph.scalar(0)])
  const sizes = [0, 1].map(axis => {
    const size = graph.node('Cast', [graph.node('Shape', [ids], { start: axis, end: axis + 1 })], {
      to: 1
    })
    return graph.node('Add', [zeros, size])
  })
  const columns = [
    ids,
    names.mask === undefined ? zeros : floats(names.mask),
    names.types === undefined ? zeros : floats(names.types),
    ...sizes
  ].map(column => graph.node('Unsqueeze', [column, graph.integers([2])]))
  const logits = graph.node('Concat', columns, { axis: 2 })
  graph.output('scores', logits, 'float32', [...dims, 5])
  return graph.toBytes()
}

async function encodeEcho(graph: Uint8Array, tokens: readonly Uint32Array[]) {
  const session = await createSession(graph, 1, { optimized: false })
  const ports = readInputs(session.inputs, 'echo.onnx')
  const output = await findOutput(session, ports, undefined, 'echo.onnx')
  await session.close()
  const head = { pooling: 'max', activation: 'relu' } as const
  const plan = { precision: 'as-exported', graph, externalData: [], ports, output, head } as const
  const encoder = await openBatchEncoder({ ...plan, padId: 7 }, 1)
  const vectors = await encoder.encode(tokens)
  await encoder.close()
  return vectors.map(({ terms, weights }) => {
    return Object.fromEntries(Array.from(terms, (term, i) => [term, Math.expm1(weights[i]!)]))
  })
}

describe('a batch as the graph sees it', () => {
  const tokens = [Uint32Array.of(3, 9, 2), Uint32Array.of(5)]
  const rounded = (rows: Record<number, number>[]) =>
    rows.map(row => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Math.round(v)])))

  it.each(['int32', 'float32'] as const)('with inputs of %s', async type => {
    const names = { mask: 'input_mask', types: 'segment_ids' }
    const rows = rounded(await encodeEcho(echoGraph(type, names), tokens))
    // Term 2, the type of the first text, is 0. Two texts of length 3 went together, and the padding
    // of the second (id 7) did not reach its vector.
    expect(rows).toEqual([
      { 0: 9, 1: 1, 3: 2, 4: 3 },
      { 0: 5, 1: 1, 3: 2, 4: 3 }
    ])
  })

  it('without a mask, texts go one by one, with no padding', async () => {
    const rows = rounded(await encodeEcho(echoGraph('int32', {}), tokens))
    expect(rows).toEqual([
      { 0: 9, 3: 1, 4: 3 },
      { 0: 5, 3: 1, 4: 1 }
    ])
  })

  it('with sizes that are fixed, one by one and padded to the length', async () => {
    const graph = echoGraph('int32', { mask: 'attention_mask' }, [1, 6])
    expect(rounded(await encodeEcho(graph, tokens))).toEqual([
      { 0: 9, 1: 1, 3: 1, 4: 6 },
      { 0: 5, 1: 1, 3: 1, 4: 6 }
    ])
  })
})

describe('memory', () => {
  it('is bounded: logits of more than 64 MB go through in parts', async () => {
    const graph = new OnnxGraph()
    const numTerms = 100_000
    const dims = ['batch', 'length']
    const ids = graph.node('Cast', [graph.input('input_ids', 'int32', dims)], { to: 1 })
    graph.input('attention_mask', 'int32', dims)
    const batch = graph.node('Cast', [graph.node('Shape', [ids], { start: 0, end: 1 })], { to: 1 })
    const zeros = graph.node('Mul', [ids, graph.scalar(0)])
    const column = graph.node('Unsqueeze', [graph.node('Add', [zeros, batch]), graph.integers([2])])
    const row = graph.floats(new Float32Array(numTerms).fill(1, 0, 1), [1, numTerms])
    graph.output('logits', graph.node('MatMul', [column, row]), 'float32', [...dims, numTerms])
    const tokens = Array.from({ length: 7 }, () => new Uint32Array(64).fill(1))
    const rows = await encodeEcho(graph.toBytes(), tokens)
    // 64 tokens of 100,000 terms are 25.6 MB: two texts at once, and the last alone.
    expect(rows.map(one => Math.round(one[0]!))).toEqual([2, 2, 2, 2, 2, 2, 1])
  })
})

describe('tensors in a file of their own', () => {
  const pooled = join(families, 'onnx-pooled')
  const copyOf = (change: (copy: string) => void) => {
    const copy = mkdtempSync(join(folder, 'split-'))
    cpSync(pooled, copy, { recursive: true })
    change(copy)
    return copy
  }

  it('are found under both names that exporters use', async () => {
    const renamed = copyOf(copy => {
      renameSync(join(copy, 'model.onnx_data'), join(copy, 'model.onnx.data'))
      const graph = readFileSync(join(copy, 'model.onnx')).toString('latin1')
      const changed = graph.replaceAll('model.onnx_data', 'model.onnx.data')
      expect(changed).not.toBe(graph)
      writeFileSync(join(copy, 'model.onnx'), changed, 'latin1')
    })
    const encoder = await encoderOf(renamed)
    expectGolden(await encoder.encode(texts), 'max')
    await encoder.close()
  })

  it('are part of the fingerprint', async () => {
    const changed = copyOf(copy => {
      const bytes = readFileSync(join(copy, 'model.onnx_data'))
      bytes[100]! ^= 1
      writeFileSync(join(copy, 'model.onnx_data'), bytes)
    })
    const [one, other] = await Promise.all(
      [pooled, changed].map(
        async source => (await openModel(await findModel(source), {})).fingerprint
      )
    )
    expect(one).not.toBe(other)
  })

  it('are asked for where they are missing', async () => {
    const without = copyOf(copy => rmSync(join(copy, 'model.onnx_data')))
    const opening = openModel(await findModel(without), {})
    await expect(opening).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(opening).rejects.toThrow('model.onnx_data or model.onnx.data beside it')
  })
})
