import { readdirSync, readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Checkpoint, findCheckpoint } from '../../src/encoder/checkpoint.ts'
import { buildSpladeGraph } from '../../src/encoder/encoder-graph.ts'
import { Float32Encoder } from '../../src/encoder/float32-encoder.ts'
import type { ModelFiles } from '../../src/encoder/model-files.ts'
import { readWeights } from '../../src/encoder/read-weights.ts'
import { createSession } from '../../src/encoder/session.ts'

/** A tiny BERT in every format, with what transformers makes of it. */
const folder = new URL('../golden/weights/bert/', import.meta.url)
const read = (path: string): Uint8Array => readFileSync(new URL(path, folder))
const expected = JSON.parse(new TextDecoder().decode(read('expected.json'))) as {
  tokenIds: number[][]
  max: number[][]
  tensors: Record<string, { shape: number[]; values: number[] }>
}

/** Files in memory that remember what was asked for. */
function filesOf(contents: Readonly<Record<string, Uint8Array>>): ModelFiles & { asked: string[] } {
  const asked: string[] = []
  return {
    name: 'm',
    asked,
    placeOf: file => `m/${file}`,
    read: async file => {
      asked.push(file)
      return contents[file]
    }
  }
}

/** The files of one format, as the model has them. */
function contentsOf(format: string): Record<string, Uint8Array> {
  const names = readdirSync(new URL(`${format}/`, folder))
  return Object.fromEntries(names.map(name => [name, read(`${format}/${name}`)]))
}

async function readCheckpoint(contents: Readonly<Record<string, Uint8Array>>): Promise<Checkpoint> {
  const checkpoint = await findCheckpoint(filesOf(contents))
  if (checkpoint === undefined) throw new Error('no checkpoint was found')
  return checkpoint
}

/** Formats in the order in which they are looked for. */
const FORMATS = ['safetensors', 'sharded-safetensors', 'bin', 'sharded-bin']
const FILES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'model.pt'
]

describe.each(FORMATS)('a BERT in the format %s', format => {
  const contents: Record<string, Uint8Array> = {
    ...contentsOf(format),
    'config.json': read('config.json')
  }

  it('has the weights that transformers saved, bit by bit', async () => {
    const { weights } = await readWeights(filesOf(contents))
    let numTensors = 0
    for (const [name, { shape, values }] of Object.entries(expected.tensors)) {
      // Tied to the embeddings, or to cls.predictions.bias: safetensors holds them once.
      if (name.startsWith('cls.predictions.decoder') && format.endsWith('safetensors')) {
        expect(weights.has(name)).toBe(false)
        continue
      }
      expect(weights.has(name)).toBe(true)
      expect(weights.shapeOf(name)).toEqual(shape)
      expect([...weights.floats(name, shape)], name).toEqual(values)
      numTensors++
    }
    expect(numTensors).toBeGreaterThan(20)
    expect(() => weights.floats('absent', [2])).toThrow(
      'no tensor absent. Expected one of shape [2]'
    )
    expect(weights.shapeOf('absent')).toBeUndefined()
  })

  it('gives the vectors of transformers', async () => {
    const { model } = await readCheckpoint(contents)
    const head = { pooling: 'max', activation: 'relu' } as const
    const session = await createSession(buildSpladeGraph(model, head), 1)
    const encoder = new Float32Encoder(session, head, 0)
    const texts = expected.tokenIds.map(ids => Uint32Array.from(ids))
    const vectors = await encoder.encode(texts)
    await encoder.close()
    for (const [i, { terms, weights }] of vectors.entries()) {
      const dense = new Float32Array(model.vocabularySize)
      for (const [j, term] of terms.entries()) dense[term] = weights[j]!
      for (const [term, weight] of expected.max[i]!.entries()) {
        expect(Math.abs(dense[term]! - weight), `term ${term}`).toBeLessThan(1e-4)
      }
      expect(terms.length).toBeGreaterThan(5)
    }
  })

  it('is known by the CRC-32 of its files of weights in the order of their names', async () => {
    const names = Object.keys(contents).filter(name => !name.endsWith('.json'))
    let crc = 0
    for (const name of names.sort()) crc = crc32(contents[name]!, crc)
    const { fingerprint } = await readCheckpoint(contents)
    expect(fingerprint).toBe(crc.toString(16).padStart(8, '0'))
  })
})

describe('which file is read', () => {
  it('is the first that is there, and no other is asked for after it', async () => {
    const bin = read('bin/pytorch_model.bin')
    const all: Record<string, Uint8Array> = { 'model.pt': bin }
    for (const format of FORMATS) Object.assign(all, contentsOf(format))
    for (const [i, file] of FILES.entries()) {
      const files = filesOf(all)
      const { weights } = await readWeights(files)
      expect(weights.has('bert.embeddings.word_embeddings.weight')).toBe(true)
      expect(files.asked.slice(0, i + 1)).toEqual(FILES.slice(0, i + 1))
      expect(files.asked.slice(i + 1).every(name => /-0000\d-of-/.test(name))).toBe(true)
      delete all[file]
    }
  })

  it('is none: the error names all that would have done', async () => {
    const files = filesOf({ 'config.json': read('config.json') })
    expect(await findCheckpoint(files)).toBeUndefined()
    await expect(readWeights(files)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      expected: `one of: ${FILES.join(', ')}`
    })
  })

  it('is read one shard after the other, each once', async () => {
    let underWay = 0
    const contents = contentsOf('sharded-safetensors')
    const asked: string[] = []
    await readWeights({
      name: 'm',
      placeOf: file => file,
      read: async file => {
        expect(underWay++).toBe(0)
        await new Promise(resolve => setImmediate(resolve))
        underWay--
        asked.push(file)
        return contents[file]
      }
    })
    const shards = [1, 2, 3, 4].map(i => `model-0000${i}-of-00004.safetensors`)
    expect(asked).toEqual(['model.safetensors', 'model.safetensors.index.json', ...shards])
  })
})

describe('before weights are read, where it is known that there are some', () => {
  const weights = contentsOf('safetensors')

  it.each<[string, Record<string, Uint8Array>, string]>([
    ['no config.json', {}, 'MODEL_NOT_FOUND'],
    ['no JSON', { 'config.json': new TextEncoder().encode('{') }, 'MODEL_FILE_INVALID'],
    [
      'an unknown family',
      { 'config.json': new TextEncoder().encode('{"model_type": "deberta-v2"}') },
      'MODEL_UNSUPPORTED'
    ]
  ])('%s is told', async (_, config, code) => {
    const contents = { ...weights, ...config }
    const files = {
      ...filesOf(contents),
      has: async (file: string) => Object.hasOwn(contents, file)
    }
    await expect(findCheckpoint(files)).rejects.toThrow(expect.objectContaining({ code }))
    expect(files.asked).toEqual(['config.json'])
  })

  it('a folder without weights is none, whatever its config', async () => {
    const contents = { 'config.json': new TextEncoder().encode('{"model_type": "deberta-v2"}') }
    const files = { ...filesOf(contents), has: async (file: string) => file === 'config.json' }
    expect(await findCheckpoint(files)).toBeUndefined()
  })
})
