import { describe, expect, it } from 'vitest'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { changedLayout } from './layout-folders.ts'

type Changes = Parameters<typeof changedLayout>[1]
type Json = Record<string, unknown>

const TRANSFORMER = 'sentence_transformers.base.modules.transformer.Transformer'
const POOLING = 'sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling'
const STATIC =
  'sentence_transformers.sparse_encoder.modules.sparse_static_embedding.SparseStaticEmbedding'

const modules = (...entries: [type: string, path: unknown][]): Changes => ({
  'modules.json': entries.map(([type, path], idx) => ({ idx, name: String(idx), path, type }))
})
const bert = (settings: Json): Changes => ({
  'sentence_bert_config.json': json => Object.assign(json, settings)
})
const pooling = (settings: Json): Changes => ({ '1_SpladePooling/config.json': settings })
const model = (settings: Json): Changes => ({ 'config_sentence_transformers.json': settings })
const router = (change: (config: Record<string, Json>) => void): Changes => ({
  'router_config.json': json => change(json as Record<string, Json>)
})

const U = 'MODEL_UNSUPPORTED'
const INVALID = 'MODEL_FILE_INVALID'

/** Layout, what is wrong, the files that make it so, the error's code and what it names. */
const BAD: [string, string, Changes, string, string][] = [
  ['splade-6', 'no modules', { 'modules.json': [] }, U, 'none'],
  ['splade-6', 'modules that are an object', { 'modules.json': {} }, INVALID, 'modules.json'],
  ['splade-6', 'modules that are no JSON', { 'modules.json': '[' }, INVALID, 'modules.json'],
  ['splade-6', 'a module that is null', { 'modules.json': [null] }, U, 'undefined'],
  ['splade-6', 'modules that are a number and a list', { 'modules.json': [7, []] }, U, 'undefined'],
  ['splade-6', 'no pooling', modules([TRANSFORMER, '']), U, 'SpladePooling'],
  ['splade-6', 'pooling alone', modules([POOLING, '1_SpladePooling']), U, 'SpladePooling'],
  [
    'splade-6',
    'a third module',
    modules(
      [TRANSFORMER, ''],
      [POOLING, '1_SpladePooling'],
      ['sentence_transformers.sparse_encoder.models.SparseAutoEncoder', '2']
    ),
    U,
    'SparseAutoEncoder at "2"'
  ],
  [
    'splade-6',
    'a dense model',
    modules([TRANSFORMER, ''], ['sentence_transformers.models.Pooling', '1_SpladePooling']),
    U,
    'Pooling at'
  ],
  ['splade-6', 'a class of its own', modules(['modeling.Mine', '']), U, 'modeling.Mine'],
  ...['../other', '/etc', 'a/../../b', '..', '.', 'C:\\x', 'a\\..\\b', 'a//b', 7, null].map(
    path =>
      [
        'splade-6',
        `a module at ${path}`,
        modules([TRANSFORMER, ''], [POOLING, path]),
        U,
        JSON.stringify(path)
      ] as [string, string, Changes, string, string]
  ),
  ['splade-6', 'another task', bert({ transformer_task: 'feature-extraction' }), U, 'feature'],
  ['splade-6', 'no task', bert({ transformer_task: null }), U, 'transformer_task'],
  ['splade-6', 'no settings at all', { 'sentence_bert_config.json': null }, U, 'transformer_task'],
  ['splade-6', 'another output', bert({ module_output_name: 'x' }), U, 'module_output_name'],
  [
    'splade-6',
    'another modality',
    bert({ modality_config: { text: { method: 'get_text_features' } } }),
    U,
    'get_text_features'
  ],
  ['splade-6', 'images', bert({ modality_config: { image: {} } }), INVALID, 'text'],
  ['splade-6', 'query expansion', bert({ query_expansion: { length: 32 } }), U, 'query_expansion'],
  ['splade-6', 'a limit of queries', bert({ query_length: 32 }), U, 'query_length'],
  ['splade-6', 'a limit of no size', bert({ max_seq_length: 'long' }), INVALID, 'max_seq_length'],
  [
    'splade-6',
    'other settings of the tokenizer',
    bert({ processing_kwargs: { text: { padding: 'longest' } } }),
    U,
    'processing_kwargs'
  ],
  ['splade-6', 'an unknown setting', bert({ halve_weights: true }), U, 'halve_weights'],
  ['splade-6', 'an adapter', { 'adapter_config.json': {} }, U, 'adapter_config.json'],
  [
    'splade-5',
    'capital letters that are to be small',
    {
      '0_MLMTransformer/tokenizer.json': json => {
        Object.assign(json.normalizer as Json, { lowercase: false })
      }
    },
    U,
    'do_lower_case'
  ],
  ['splade-6', 'another strategy', pooling({ pooling_strategy: 'mean' }), U, 'mean'],
  ['splade-6', 'another activation', pooling({ activation_function: 'gelu' }), U, 'gelu'],
  ['splade-6', 'unknown pooling', pooling({ top_k: 5 }), U, 'top_k'],
  ['splade-6', 'a prompt of a number', model({ prompts: { query: 5 } }), INVALID, 'query'],
  ['splade-6', 'prompts as a list', model({ prompts: ['a'] }), INVALID, 'prompts'],
  ['splade-6', 'no terms at all', model({ max_active_dims: 0 }), INVALID, 'max_active_dims'],
  ['router-table', 'no routes', { 'router_config.json': null }, 'MODEL_NOT_FOUND', 'router_config'],
  [
    'router-table',
    'no route for queries',
    router(({ structure }) => {
      delete structure!.query
    }),
    U,
    'query'
  ],
  [
    'router-table',
    'a mapping to no route',
    router(({ parameters }) => {
      parameters!.route_mappings = { "('query', None)": 'image' }
    }),
    INVALID,
    'image'
  ],
  [
    'router-table',
    'a module that has no type',
    router(({ structure }) => {
      structure!.query = ['query_1_Dense']
    }),
    INVALID,
    'query_1_Dense'
  ],
  [
    'router-table',
    'a route out of the folder',
    router(({ structure, types }) => {
      structure!.query = ['../router-ones']
      types!['../router-ones'] = STATIC
    }),
    U,
    '../router-ones'
  ],
  [
    'router-table',
    'documents without a model',
    router(({ structure }) => {
      structure!.document = structure!.query
    }),
    U,
    'SparseStaticEmbedding'
  ],
  [
    'router-lexical',
    'a table for documents',
    router(({ structure }) => {
      structure!.document = structure!.query
    }),
    U,
    'SparseStaticEmbedding'
  ],
  [
    'router-lexical',
    'two tables',
    router(({ structure }) => {
      structure!.query = [...(structure!.query as string[]), 'query_2_SparseStaticEmbedding']
    }),
    U,
    'SparseStaticEmbedding at'
  ],
  [
    'router-lexical',
    'a table of other terms',
    {
      'query_2_SparseStaticEmbedding/model.safetensors': null,
      'query_2_SparseStaticEmbedding/config.json': { path: 'idf.json' },
      'query_2_SparseStaticEmbedding/idf.json': { lighthouse: 1 }
    },
    'MODEL_MISMATCH',
    'lighthouse'
  ],
  [
    'router-table',
    'a table with pooling',
    router(({ structure }) => {
      structure!.query = ['query_0_SparseStaticEmbedding', 'document_1_SpladePooling']
    }),
    U,
    'SpladePooling'
  ],
  [
    'router-table',
    'a table elsewhere',
    { 'query_0_SparseStaticEmbedding/config.json': { path: '../idf.json' } },
    U,
    '../idf.json'
  ],
  [
    'router-table',
    'a table in no file',
    { 'query_0_SparseStaticEmbedding/model.safetensors': null },
    'MODEL_NOT_FOUND',
    'query_0_SparseStaticEmbedding'
  ],
  [
    'router-table',
    'a table without a tokenizer',
    { 'query_0_SparseStaticEmbedding/tokenizer.json': null },
    'MODEL_NOT_FOUND',
    'tokenizer.json'
  ],
  [
    'router-table',
    'another vocabulary for queries',
    {
      'query_0_SparseStaticEmbedding/tokenizer.json': json => {
        const { vocab } = json.model as { vocab: Record<string, number> }
        const { harbour, fog } = vocab
        Object.assign(vocab, { harbour: fog, fog: harbour })
      }
    },
    'MODEL_MISMATCH',
    'vocabulary'
  ],
  [
    'opensearch-plain',
    'a token that the vocabulary lacks',
    { 'idf.json': { fog: 1, lighthouse: 2 } },
    'MODEL_MISMATCH',
    'lighthouse'
  ],
  ['opensearch-plain', 'a weight below zero', { 'idf.json': { fog: -1 } }, U, '"fog" is -1'],
  ['opensearch-plain', 'a weight that is none', { 'idf.json': { fog: 'x' } }, INVALID, '"fog"'],
  ['opensearch-plain', 'a weight too large', { 'idf.json': '{"fog":1e99}' }, U, 'Infinity'],
  ['opensearch-plain', 'a table as a list', { 'idf.json': [1] }, INVALID, 'idf.json']
]

describe('a layout that would be read wrong is refused', () => {
  it.each(BAD)('%s with %s', async (layout, _, changes, code, message) => {
    const loading = SparseEncoder.load(changedLayout(layout, changes), { numThreads: 1 })
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(message)
  })

  it.each([[{ activation: 'gelu' as 'relu' }], [{ pooling: 'mean' as 'max' }]])(
    'load option %j',
    async options => {
      const loading = SparseEncoder.load(changedLayout('plain', {}), options)
      await expect(loading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
  )
})
