import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CrossEncoder, loadReranker, rerank } from '../../src/entry/rerank.ts'
import { findModel } from '../../src/node/model-folder.ts'
import { rerankerKind } from '../../src/rerank/reranker-kind.ts'
import { changed, folderOf } from './golden.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const minilm = at('models/all-MiniLM-L6-v2/model_int8.onnx')

const hits = ['The harbour lies in fog', 'Bread and butter', 'A ship in the port'].map(
  (text, i) => ({
    key: `d${i}`,
    score: -i,
    rank: i + 1,
    text
  })
)

describe('which kind of reranker a model is', () => {
  it.each([
    [folderOf('cross-bert'), 'cross-encoder'],
    [folderOf('cross-saved'), 'cross-encoder'],
    [folderOf('cross-onnx'), 'cross-encoder'],
    [folderOf('colbert-stanford'), 'maxsim'],
    [folderOf('colbert-native'), 'maxsim'],
    [folderOf('colbert-pylate'), 'maxsim'],
    [at('test/golden/dense/bert-mean'), 'dense'],
    [minilm, 'dense']
  ])('%s is a %s', async (folder, kind) => {
    expect(await rerankerKind(await findModel(folder))).toBe(kind)
  })

  it.each([
    ['splade-tiny', 'BertForMaskedLM'],
    [at('test/golden/layouts/splade-6'), 'SparseEncoder, BertForMaskedLM'],
    [at('test/golden/layouts/splade-5'), 'a SparseEncoder']
  ])('%s is none', async (model, given) => {
    const loading = loadReranker(model)
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
    await expect(loading).rejects.toThrow(given)
    await expect(loading).rejects.toThrow('cross-encoder, maxsim, dense')
  })

  it('a bare transformer is none, unless it is said', async () => {
    const silent = await changed('cross-bert', { 'config.json': undefined })
    await expect(rerankerKind(silent)).rejects.toThrow('do not say what it is')
    const bare = await changed('cross-bert', { 'config.json': { architectures: ['BertModel'] } })
    await expect(rerankerKind(bare)).rejects.toThrow('say that it is a BertModel')
    await using reranker = await loadReranker(bare, { kind: 'maxsim' })
    expect(reranker.name).toBe('maxsim cross-bert')
    await expect(loadReranker(bare, { kind: 'best' as 'dense' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'kind'
    })
  })
})

describe('loadReranker', () => {
  it('gives the cross-encoder itself', async () => {
    await using reranker = await loadReranker(folderOf('cross-bert'))
    await using same = await CrossEncoder.load(folderOf('cross-bert'))
    const { scores } = await reranker.score('harbour', hits)
    expect(scores).toEqual((await same.score('harbour', hits)).scores)
  })

  it.each([
    ['dense', undefined],
    ['maxsim', 'maxsim']
  ] as const)('gives a %s reranker, which closes its encoder', async (kind, asked) => {
    const reranker = await loadReranker(minilm, asked && { kind: asked })
    const { hits: ranked } = await rerank(reranker, 'a harbour for boats', hits)
    expect(reranker.name).toBe(`${kind} all-MiniLM-L6-v2`)
    expect(ranked.map(({ key }) => key).at(-1)).toBe('d1')
    await reranker.close()
    await expect(reranker.score('harbour', hits)).rejects.toThrow('closed')
  })
})
