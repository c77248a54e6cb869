import { describe, expect, it } from 'vitest'
import { DenseEncoder } from '../../src/entry/encoder.ts'
import { ColbertEncoder, maxSim, maxSimReranker, rerank } from '../../src/entry/rerank.ts'
import {
  type ColbertGolden,
  changed,
  folderOf,
  type GoldenText,
  goldenOf,
  worst
} from './golden.ts'

const TOLERANCE = 1e-4
const golden = goldenOf<ColbertGolden>('colbert-stanford')
const textsOf = (side: readonly GoldenText[]) => side.map(({ text }) => text)

describe.each(['colbert-stanford', 'colbert-native', 'colbert-pylate'])('%s', name => {
  it('gives the vectors of the paper, alone and in batches', async () => {
    await using encoder = await ColbertEncoder.load(folderOf(name))
    expect(encoder.dimensions).toBe(8)
    const batches = [
      [golden.queries, await encoder.encodeQuery(textsOf(golden.queries))],
      [golden.documents, await encoder.encodeDocument(textsOf(golden.documents))]
    ] as const
    for (const [side, vectors] of batches) {
      for (const [i, one] of side.entries()) {
        expect(one.vectors.length).toBe(one.input_ids.length * 8)
        expect(worst(vectors[i]!.vectors, one.vectors)).toBeLessThan(TOLERANCE)
      }
    }
    for (const one of golden.documents) {
      const { vectors } = await encoder.encodeDocument(one.text)
      expect(worst(vectors, one.vectors)).toBeLessThan(TOLERANCE)
    }
  })

  it('scores as the paper does', async () => {
    await using encoder = await ColbertEncoder.load(folderOf(name))
    const queries = await encoder.encodeQuery(textsOf(golden.queries))
    const documents = await encoder.encodeDocument(textsOf(golden.documents))
    const scores = queries.map(query => documents.map(document => maxSim(query, document)))
    for (const [i, row] of golden.scores.entries()) {
      expect(worst(scores[i]!, row)).toBeLessThan(TOLERANCE * 12)
    }
    const hits = golden.documents.map(({ text }, i) => ({
      key: `d${i}`,
      score: 0,
      rank: i + 1,
      text
    }))
    const result = await rerank(maxSimReranker(encoder), golden.queries[1]!.text, hits)
    const row = golden.scores[1]!
    const order = [...row.keys()].sort((a, b) => row[b]! - row[a]!)
    expect(result.hits.map(({ key }) => key)).toEqual(order.map(i => `d${i}`))
    const stages = result.stages.map(({ stage }) => stage)
    expect(stages).toEqual(['encode query', 'encode documents', 'score'])
  })
})

describe('a ColBERT', () => {
  it('has the golden punctuation and fillers where the settings say so', async () => {
    const [query, document] = [golden.queries[0]!, golden.documents[4]!]
    const load = async (metadata: object) =>
      ColbertEncoder.load(await changed('colbert-stanford', { 'artifact.metadata': metadata }))
    await using kept = await load({ mask_punctuation: false })
    const all = await kept.encodeDocument(document.text)
    expect(all.vectors.length).toBeGreaterThan(document.vectors.length)
    await using attending = await load({ attend_to_mask_tokens: true })
    const seen = await attending.encodeQuery(query.text)
    expect(seen.vectors.length).toBe(query.vectors.length)
    expect(worst(seen.vectors, query.vectors)).toBeGreaterThan(0.01)
    await using long = await load({ query_maxlen: 20 })
    expect((await long.encodeQuery(query.text)).vectors.length).toBe(20 * 8)
  })

  it('reads of a text as many tokens as are asked for', async () => {
    await using encoder = await ColbertEncoder.load(folderOf('colbert-stanford'))
    const { text } = golden.documents[3]!
    const { vectors } = await encoder.encodeDocument(text, { maxTokens: 6 })
    expect(vectors.length).toBe(6 * 8)
    await expect(encoder.encodeDocument(text, { maxTokens: 3 })).rejects.toThrow('maxTokens')
    await expect(encoder.encodeDocument(text, { maxTokens: 33 })).rejects.toThrow('maxTokens')
    await encoder.close()
    await expect(encoder.encodeQuery('a')).rejects.toThrow('closed')
  })

  it('names the hit without text', async () => {
    await using encoder = await ColbertEncoder.load(folderOf('colbert-stanford'))
    const reranking = rerank(maxSimReranker(encoder), 'a', [{ key: 'bare', score: 1, rank: 1 }])
    await expect(reranking).rejects.toMatchObject({ place: 'hit "bare"' })
  })
})

describe('a dense model', () => {
  it('gives the states of its tokens, the first of which is what cls pooling takes', async () => {
    const files = await changed('colbert-stanford', {
      'config.json': { architectures: ['BertModel'] },
      'artifact.metadata': undefined
    })
    await using encoder = await ColbertEncoder.load(files)
    await using dense = await DenseEncoder.load(files, { pooling: 'cls', normalize: true })
    expect(encoder.dimensions).toBe(32)
    for (const { text } of golden.documents) {
      const { vectors, dimensions } = await encoder.encodeDocument(text)
      const numTokens = dense.tokenizer.tokenize(text, { maxTokens: 32 }).ids.length
      expect(vectors.length).toBe(numTokens * dimensions)
      const first = vectors.subarray(0, dimensions)
      expect(worst(first, await dense.encodeDocument(text))).toBeLessThan(TOLERANCE)
    }
  })
})

describe('what is not read is refused by name', () => {
  const settings = 'config_sentence_transformers.json'
  it.each<[string, Record<string, object | undefined>, string]>([
    ['colbert-stanford', { 'artifact.metadata': { similarity: 'l2' } }, 'l2'],
    ['colbert-stanford', { 'artifact.metadata': { query_token_id: '[Q]' } }, '[Q]'],
    ['colbert-stanford', { 'artifact.metadata': { query_maxlen: 33 } }, 'query length'],
    [
      'colbert-native',
      { 'sentence_bert_config.json': { query_expansion: { strategy: 'min' } } },
      'min'
    ],
    [
      'colbert-native',
      { 'sentence_bert_config.json': { processing_kwargs: {} } },
      'processing_kwargs'
    ],
    ['colbert-native', { '2_MultiVectorMask/config.json': { skiplist_tasks: ['query'] } }, 'query'],
    [
      'colbert-native',
      { '2_MultiVectorMask/config.json': { keep_only_token_ids: [3] } },
      'keep_only'
    ],
    ['colbert-native', { '1_Dense/config.json': { use_residual: true } }, 'use_residual'],
    ['colbert-native', { [settings]: { similarity_fn_name: 'meanmaxsim' } }, 'meanmaxsim'],
    ['colbert-pylate', { 'modules.json': [] }, 'the modules are none'],
    ['colbert-pylate', { '1_Dense/config.json': { activation_function: 'torch.nn.Tanh' } }, 'Tanh'],
    ['colbert-pylate', { [settings]: { prompts: { query: 'q: ' } } }, 'prompt']
  ])('%s with %j', async (name, changes, message) => {
    await expect(ColbertEncoder.load(await changed(name, changes))).rejects.toThrow(message)
  })

  it('a projection that is missing', async () => {
    const files = await changed('cross-bert', { 'config.json': { architectures: ['HF_ColBERT'] } })
    await expect(ColbertEncoder.load(files)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' })
  })

  it('a graph without the projection', async () => {
    const files = await changed('cross-onnx', { 'config.json': { architectures: ['HF_ColBERT'] } })
    await expect(ColbertEncoder.load(files)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })
})
