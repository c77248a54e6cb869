import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { StaticEmbedding } from '../../src/encoder/static-embedding.ts'
import { type LoadOptions, type ModelFiles, SparseEncoder } from '../../src/entry/encoder.ts'
import { packageRoot } from '../../src/node/package-root.ts'
import { dotProduct } from '../../src/vector/similarity.ts'
import { type SparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { sharedMissing, sharedPath } from '../shared.ts'
import {
  changedLayout,
  type Golden,
  type GoldenVector,
  goldenOf,
  layoutPath
} from './layout-folders.ts'

const LAYOUTS = [
  'plain',
  'splade-5',
  'splade-6',
  'router-table',
  'router-ones',
  'router-models',
  'router-lexical',
  'opensearch-router',
  'opensearch-plain'
]
const TOLERANCE = 1e-4

/** The largest difference of a weight; a term that is absent has 0. */
function worstDifference(vectors: readonly SparseVector[], golden: readonly GoldenVector[]) {
  expect(vectors).toHaveLength(golden.length)
  const differences = vectors.map((vector, i) => {
    const expected = new Map(golden[i]!.terms.map((term, at) => [term, golden[i]!.weights[at]!]))
    const given = new Map(Array.from(vector.terms, (term, at) => [term, vector.weights[at]!]))
    const terms = [...expected.keys(), ...given.keys()]
    return terms.map(term => Math.abs((expected.get(term) ?? 0) - (given.get(term) ?? 0)))
  })
  return Math.max(...differences.flat())
}

const opened: SparseEncoder[] = []
afterEach(async () => {
  for (const encoder of opened.splice(0)) await encoder.close()
})

async function load(model: string | ModelFiles, options: LoadOptions = {}): Promise<SparseEncoder> {
  const encoder = await SparseEncoder.load(model, { numThreads: 1, ...options })
  opened.push(encoder)
  return encoder
}

describe.each(LAYOUTS)('%s equals sentence-transformers', layout => {
  it('for queries and documents, alone and together', async () => {
    const { texts, queries, documents } = goldenOf(layout)
    const encoder = await load(layoutPath(layout))
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
    expect(worstDifference(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
    for (const [i, text] of texts.entries()) {
      const query = await encoder.encodeQuery(text)
      expect(worstDifference([query], [queries[i]!])).toBeLessThan(TOLERANCE)
    }
  })
})

describe('a router', () => {
  const check = async (folder: string, golden: Pick<Golden, 'texts' | 'queries' | 'documents'>) => {
    const { texts, queries, documents } = golden
    const encoder = await load(folder)
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
    expect(worstDifference(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
    return encoder
  }

  it('chooses routes by mappings before names', async () => {
    const { texts, queries, documents } = goldenOf('router-models')
    const folder = changedLayout('router-models', {
      'router_config.json': config => {
        const parameters = config.parameters as Record<string, unknown>
        parameters.route_mappings = {
          "(None, 'text')": 'query',
          "('query', None)": 'document',
          "('query', 'image')": 'query'
        }
      }
    })
    await check(folder, { texts, queries: documents, documents: queries })
  })

  it('may be followed by the pooling of both, under the names of version 5', async () => {
    const golden = goldenOf('plain')
    const folder = changedLayout('router-models', {
      'modules.json': [
        { path: '', type: 'sentence_transformers.models.Router' },
        {
          path: 'document_1_SpladePooling',
          type: 'sentence_transformers.sparse_encoder.models.SpladePooling.SpladePooling'
        }
      ],
      'document_1_SpladePooling/config.json': {},
      'router_config.json': {
        types: {
          document_0_Transformer: 'sentence_transformers.sparse_encoder.models.MLMTransformer'
        },
        structure: { query: ['document_0_Transformer'], document: ['document_0_Transformer'] },
        parameters: { default_route: 'query', allow_empty_key: true }
      },
      'document_0_Transformer/tokenizer_config.json': config => {
        config.model_max_length = 64
      }
    })
    const encoder = await check(folder, golden)
    // One model for both, and nothing beside its weights: as the plain folder.
    expect(encoder.fingerprint).toBe((await load(layoutPath('plain'))).fingerprint)
  })

  it('takes the table of a module from idf.json where it says so', async () => {
    const idf = readFileSync(join(layoutPath('opensearch-plain'), 'idf.json'), 'utf8')
    const folder = changedLayout('router-table', {
      'query_0_SparseStaticEmbedding/model.safetensors': null,
      'query_0_SparseStaticEmbedding/config.json': { frozen: true, path: 'idf.json' },
      'query_0_SparseStaticEmbedding/idf.json': idf
    })
    await check(folder, goldenOf('router-table'))
  })
})

describe('queryModel', () => {
  it('encodes queries, with its own prompts and limits, and documents stay', async () => {
    const { texts, documents } = goldenOf('plain')
    const encoder = await load(layoutPath('plain'), { queryModel: layoutPath('splade-6') })
    const { queries } = goldenOf('splade-6')
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
    expect(worstDifference(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
  })

  it('may be one without inference', async () => {
    const { texts, queries } = goldenOf('router-table')
    const encoder = await load(layoutPath('splade-6'), { queryModel: layoutPath('router-table') })
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
  })

  it('may be one that weighs the terms of the query', async () => {
    const { texts, queries } = goldenOf('router-lexical')
    const encoder = await load(layoutPath('splade-6'), { queryModel: layoutPath('router-lexical') })
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)
    const other = await load(layoutPath('plain'), { queryModel: layoutPath('router-lexical') })
    expect(encoder.fingerprint).not.toBe(other.fingerprint)
  })

  it('with another vocabulary is refused', async () => {
    const loading = load(layoutPath('plain'), { queryModel: 'splade-tiny' })
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_MISMATCH' })
    await expect(loading).rejects.toThrow('30522 terms')
  })

  it('that is missing is named', async () => {
    const loading = load(layoutPath('plain'), { queryModel: './no-such-model' })
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(loading).rejects.toThrow('no-such-model')
  })
})

describe('settings of a model', () => {
  it('give way to those that are asked for, on the side of the documents', async () => {
    const { texts, documents } = goldenOf('opensearch-router')
    const { queries } = goldenOf('opensearch-plain')
    const encoder = await load(layoutPath('opensearch-plain'), { activation: 'log1p_relu' })
    expect(worstDifference(await encoder.encodeDocument(texts), documents)).toBeLessThan(TOLERANCE)
    expect(worstDifference(await encoder.encodeQuery(texts), queries)).toBeLessThan(TOLERANCE)

    const golden = goldenOf('router-models')
    const models = await load(layoutPath('router-models'), { pooling: 'sum', maxTokens: 16 })
    for (const [vectors, expected] of [
      [await models.encodeQuery(golden.texts), golden.queries],
      [await models.encodeDocument(golden.texts), golden.documents]
    ] as const) {
      expect(worstDifference(vectors, expected)).toBeLessThan(TOLERANCE)
    }
  })

  it('bound the tokens of a text from above', async () => {
    const limits = await Promise.all(
      LAYOUTS.map(async one => (await load(layoutPath(one))).maxTokens)
    )
    expect(Object.fromEntries(LAYOUTS.map((layout, i) => [layout, limits[i]]))).toMatchObject({
      plain: 64,
      'splade-5': 24,
      'splade-6': 16
    })
    const longer = changedLayout('splade-5', {
      '0_MLMTransformer/sentence_bert_config.json': { max_seq_length: 512 }
    })
    expect((await load(longer)).maxTokens).toBe(64)
    expect((await load(layoutPath('splade-6'), { maxTokens: 32 })).maxTokens).toBe(32)
  })

  it('limit the terms of a vector unless a call does', async () => {
    const text = goldenOf('splade-6').texts[5]!
    const encoder = await load(layoutPath('splade-6'))
    const sizes = [undefined, 7, 500].map(async topTokens => {
      const options = topTokens === undefined ? {} : { topTokens }
      return (await encoder.encodeDocument(text, options)).terms.length
    })
    const [own, few, all] = await Promise.all(sizes)
    expect([own, few]).toEqual([40, 7])
    expect(all).toBeGreaterThan(40)
  })

  it('put no prompt into what the tokenizer tells of a text', async () => {
    const text = 'fog, ferry'
    const encoder = await load(layoutPath('splade-6'))
    const { ids, offsets } = encoder.tokenizer.encode(text)
    const spans = Array.from(ids, (_, i) => text.slice(offsets[2 * i], offsets[2 * i + 1]))
    expect(spans).toEqual(['', 'fog', ',', 'ferry', ''])
  })

  it('all count in the fingerprint', async () => {
    const changes = [
      changedLayout('router-table', {}),
      changedLayout('router-table', { 'config_sentence_transformers.json': null }),
      changedLayout('router-table', {
        'config_sentence_transformers.json': (config: Record<string, unknown>) => {
          config.max_active_dims = 100
        }
      }),
      changedLayout('router-table', {
        'document_1_SpladePooling/config.json': { activation_function: 'log1p_relu' }
      }),
      layoutPath('router-ones'),
      layoutPath('plain')
    ]
    const fingerprints = await Promise.all(changes.map(async one => (await load(one)).fingerprint))
    expect(new Set(fingerprints).size).toBe(changes.length)
    for (const one of fingerprints) expect(one).toMatch(/^[0-9a-f]{8}$/)
    expect(fingerprints[0]).toBe((await load(layoutPath('router-table'))).fingerprint)
  })
})

describe('queries without a model', () => {
  it('are what the mode inference-free gives, prompt included', async () => {
    const { texts, queries } = goldenOf('router-table')
    const encoder = await load(layoutPath('router-table'))
    const vectors = await encoder.encodeQuery(texts, { queryMode: 'inference-free' })
    expect(worstDifference(vectors, queries)).toBeLessThan(TOLERANCE)
  })

  it('take as many tokens of a text as they are told, special tokens not counted', async () => {
    const encoder = await load(layoutPath('opensearch-plain'))
    const three = await encoder.encodeQuery('rain snow ice fog', { maxTokens: 3 })
    expect(
      encoder
        .decode(three)
        .map(({ term }) => term)
        .sort()
    ).toEqual(['ice', 'rain', 'snow'])
  })

  it('have each distinct token once, if the table has a weight above zero for it', async () => {
    const table = new StaticEmbedding(Float32Array.of(0.5, 0, 2, -1))
    const texts = [[2, 0, 2, 0], [1, 3, 9], []].map(ids => Uint32Array.from(ids))
    const vectors = await table.encode(texts)
    const readable = vectors.map(({ terms, weights }) => [[...terms], [...weights]])
    expect(readable).toEqual([
      [
        [0, 2],
        [0.5, 2]
      ],
      [[], []],
      [[], []]
    ])
    expect(() => new StaticEmbedding(Float32Array.of(1, Number.NaN))).toThrow('token 1 is NaN')
  })

  it('leave blanks to the model of the documents', async () => {
    const encoder = await load(layoutPath('router-table'))
    const [blank] = await encoder.predictMasked('the [MASK] fog', { top: 3 })
    expect(blank).toHaveLength(3)
  })
})

/** Outputs of published models, from the tests of OpenSearch's and Qdrant's users. */
interface PublishedGolden {
  readonly fastembed: {
    readonly text: string
    readonly query: Record<string, { indices: number[]; values: number[] }>
  }
  readonly opensearch: {
    readonly query: string
    readonly models: Record<
      string,
      { dot: number; query: Record<string, number>; document: Record<string, number> }
    >
    readonly tolerance: number
  }
}

const publishedPath = sharedPath('data/golden/splade_golden.json')

describe.skipIf(publishedPath === undefined)(`published outputs (skip: ${sharedMissing})`, () => {
  const published = (): PublishedGolden => JSON.parse(readFileSync(publishedPath!, 'utf8'))

  /** The shipped model, whose vocabulary is that of the published ones, beside a table. */
  const withTable = (idf: Record<string, number>) => {
    const folder = join(packageRoot(), 'models/splade-tiny')
    const placeOf = (file: string) => join(folder, file)
    const read = async (file: string) => {
      if (file === 'idf.json') return new TextEncoder().encode(JSON.stringify(idf))
      return existsSync(placeOf(file)) ? new Uint8Array(readFileSync(placeOf(file))) : undefined
    }
    return load({ name: 'with-table', placeOf, read })
  }

  it('the scores of OpenSearch are those of idf and document weights', async () => {
    const { query: text, models, tolerance } = published().opensearch
    expect(Object.keys(models)).toHaveLength(2)
    for (const { dot, query, document } of Object.values(models)) {
      const encoder = await withTable({ ...query, '[CLS]': 9, '[SEP]': 9 })
      const vector = await encoder.encodeQuery(text)
      const weights = encoder.decode(vector).map(({ term, weight }) => [term, weight] as const)
      expect(weights).toHaveLength(Object.keys(query).length)
      for (const [term, weight] of weights) expect(weight).toBeCloseTo(query[term]!, 6)
      const expanded = Object.entries(document).map(
        ([term, weight]) => [encoder.vocabulary.idOf(term)!, weight] as const
      )
      const score = dotProduct(vector, sparseVectorFromEntries(expanded))
      expect(Math.abs(score - dot)).toBeLessThan(tolerance)
    }
  })

  it('a query has the terms of fastembed, special tokens left out', async () => {
    const { text, query } = published().fastembed
    const { indices, values } =
      query['opensearch-project/opensearch-neural-sparse-encoding-doc-v3-gte']!
    const terms = { world: values[0]!, hello: values[1]!, '[CLS]': 1, '[SEP]': 1, '[PAD]': 1 }
    const vector = await (await withTable(terms)).encodeQuery(text)
    expect([...vector.terms]).toEqual(indices)
    expect([...vector.weights]).toEqual(values.map(Math.fround))
  })
})
