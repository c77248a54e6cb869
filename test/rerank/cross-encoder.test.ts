import { describe, expect, it } from 'vitest'
import { openClassifier } from '../../src/encoder/open-classifier.ts'
import { PairEncoder } from '../../src/encoder/pair-encoder.ts'
import { CrossEncoder, rerank } from '../../src/entry/rerank.ts'
import { CrossEncoder as CrossEncoderClass } from '../../src/rerank/cross-encoder.ts'
import { type CrossGolden, changed, folderOf, goldenOf, worst } from './golden.ts'

const TOLERANCE = 1e-4
const MODELS = [
  'cross-bert',
  'cross-saved',
  'cross-distilbert',
  'cross-roberta',
  'cross-xlm-roberta',
  'cross-modernbert',
  'cross-modernbert-mean',
  'cross-onnx'
] as const

const hitsOf = (texts: readonly string[]) =>
  texts.map((text, i) => ({ key: `d${i}`, score: -i, rank: i + 1, text }))

describe.each(MODELS)('%s equals sentence-transformers', name => {
  const { pairs, scores, input_ids, types } = goldenOf<CrossGolden>(name)
  const expected = scores.map(([score]) => score!)

  it('in batches of any size', async () => {
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1)
    for (const maxBatchTokens of [1, 64, 1024]) {
      await using encoder = await CrossEncoder.load(folderOf(name), { maxBatchTokens })
      expect(worst(await encoder.scorePairs(pairs), expected)).toBeLessThan(TOLERANCE)
    }
  })

  it('tokenises pairs as transformers does, cut where they are too long', async () => {
    await using encoder = await CrossEncoder.load(folderOf(name))
    const { tokenizer, maxTokens } = encoder
    const tokens = pairs.map(([a, b]) => tokenizer.tokenizePair(a, b, { maxTokens }))
    expect(tokens.map(({ ids }) => [...ids])).toEqual(input_ids)
    if (name === 'cross-bert') {
      expect(tokens.map(pair => [...pair.types])).toEqual(types)
      expect(types.some(row => row.includes(1))).toBe(true)
    }
    expect(tokens.filter(({ numTruncated }) => numTruncated > 0).length).toBeGreaterThan(2)
    for (const [i, { ids, numTruncated }] of tokens.entries()) {
      const [a, b] = pairs[i]!
      const whole = tokenizer.tokenizePair(a, b, { maxTokens: Number.POSITIVE_INFINITY })
      expect(numTruncated).toBe(whole.ids.length - ids.length)
    }
  })
})

describe('a cross-encoder', () => {
  const golden = goldenOf<CrossGolden>('cross-bert')

  it('puts hits in the order of its scores', async () => {
    await using encoder = await CrossEncoder.load(folderOf('cross-bert'))
    const query = golden.pairs[1]![0]
    const texts = golden.pairs.map(([, text]) => text)
    const scores = await encoder.scorePairs(texts.map(text => [query, text] as const))
    const { hits, stages } = await rerank(encoder, query, hitsOf(texts), { k: 4 })
    const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!)
    expect(hits.map(({ key }) => key)).toEqual(order.slice(0, 4).map(i => `d${i}`))
    expect(stages.map(({ stage }) => stage)).toEqual(['score pairs'])
  })

  it('of several labels needs to know which', async () => {
    const { pairs, scores } = goldenOf<CrossGolden>('cross-labels')
    await expect(CrossEncoder.load(folderOf('cross-labels'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'label'
    })
    await expect(CrossEncoder.load(folderOf('cross-labels'), { label: 3 })).rejects.toThrow('label')
    for (const label of [0, 1, 2]) {
      await using encoder = await CrossEncoder.load(folderOf('cross-labels'), { label })
      expect(encoder.activation).toBe('identity')
      const expected = scores.map(row => row[label]!)
      expect(worst(await encoder.scorePairs(pairs), expected)).toBeLessThan(TOLERANCE)
    }
  })

  it.each<[string, Record<string, object | undefined>, 'sigmoid' | 'identity']>([
    ['no file', { 'config_sentence_transformers.json': undefined }, 'sigmoid'],
    [
      'config.json of today',
      {
        'config_sentence_transformers.json': undefined,
        'config.json': {
          sentence_transformers: { activation_fn: 'torch.nn.modules.linear.Identity' }
        }
      },
      'identity'
    ],
    [
      'config.json of version 3',
      {
        'config_sentence_transformers.json': undefined,
        'config.json': { sbert_ce_default_activation_function: 'torch.nn.modules.linear.Identity' }
      },
      'identity'
    ],
    ['its own file', {}, 'identity']
  ])('has the activation that %s says', async (_, changes, activation) => {
    await using encoder = await CrossEncoder.load(await changed('cross-saved', changes))
    expect(encoder.activation).toBe(activation)
    await using asked = await CrossEncoder.load(await changed('cross-saved', changes), {
      activation: 'sigmoid'
    })
    const [[logit], [score]] = await Promise.all([
      CrossEncoder.load(folderOf('cross-saved')).then(one => one.scorePairs([['a', 'b']])),
      asked.scorePairs([['a', 'b']])
    ])
    expect(score).toBeCloseTo(1 / (1 + Math.exp(-logit!)), 12)
  })

  it('tells how far it is, and which pairs were cut', async () => {
    await using encoder = await CrossEncoder.load(folderOf('cross-bert'), { maxBatchTokens: 64 })
    const heard: { done: number; total?: number; numTruncated: number }[] = []
    await encoder.scorePairs(golden.pairs, { onProgress: one => heard.push(one) })
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.at(-1)).toMatchObject({ done: golden.pairs.length, total: golden.pairs.length })
    expect(heard.at(-1)!.numTruncated).toBeGreaterThan(0)
  })

  it('stops at its signal, and does nothing once it is closed', async () => {
    const encoder = await CrossEncoder.load(folderOf('cross-bert'))
    const signal = AbortSignal.abort()
    const stopped = rerank(encoder, 'a', hitsOf(['b']), { signal })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(encoder.scorePairs(golden.pairs, { signal })).rejects.toMatchObject({
      code: 'ABORTED'
    })
    await encoder.close()
    await encoder.close()
    await expect(encoder.scorePairs(golden.pairs)).rejects.toThrow('closed')
  })

  it('names the hit that has no text, and the one that the model fails on', async () => {
    await using encoder = await CrossEncoder.load(folderOf('cross-bert'))
    const hits = [...hitsOf(['a']), { key: 'bare', score: -1, rank: 2 }]
    await expect(rerank(encoder, 'q', hits)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'hit "bare"'
    })
    await using failing = await encoderThatFailsOn(encoder, 10)
    const texts = ['a', 'b', 'bara bera bira', 'd']
    const length = encoder.tokenizer.tokenizePair('q', texts[2]!).ids.length
    expect(length).toBe(10)
    await expect(rerank(failing, 'q', hitsOf(texts))).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      place: 'hit "d2"'
    })
  })
})

/** The same encoder, over a runtime that fails on every batch with a pair of so many tokens. */
async function encoderThatFailsOn(
  { tokenizer }: CrossEncoder,
  numTokens: number
): Promise<CrossEncoderClass> {
  const { plan } = await openClassifier(await changed('cross-bert', {}))
  const made = plan(0)
  const encoder = await PairEncoder.open(made, 1, undefined)
  const logits = encoder.logits.bind(encoder)
  encoder.logits = async pairs => {
    if (!pairs.some(({ ids }) => ids.length === numTokens)) return logits(pairs)
    const { EsplanadeError } = await import('../../src/errors.ts')
    throw new EsplanadeError('RUNTIME_FAILED', { problem: 'out of memory' })
  }
  return new CrossEncoderClass({
    name: 'failing',
    fingerprint: '',
    tokenizer,
    encoder,
    activation: 'identity',
    label: 0,
    maxTokens: 32,
    maxBatchTokens: 1024,
    usesTypes: true
  })
}

describe('what is not read is refused by name', () => {
  it.each<[string, Record<string, object | undefined>, string, string]>([
    [
      'another class',
      { 'config.json': { architectures: ['BertForMaskedLM'] } },
      'MODEL_UNSUPPORTED',
      'BertForMaskedLM'
    ],
    [
      'a family',
      { 'config.json': { model_type: 'deberta-v2' } },
      'MODEL_UNSUPPORTED',
      'deberta-v2'
    ],
    [
      'an activation',
      {
        'config.json': {
          sentence_transformers: { activation_fn: 'torch.nn.modules.activation.Tanh' }
        }
      },
      'MODEL_UNSUPPORTED',
      'Tanh'
    ],
    [
      'a prompt',
      { 'config_sentence_transformers.json': { default_prompt_name: 'query' } },
      'MODEL_UNSUPPORTED',
      'default_prompt_name'
    ],
    [
      'modules',
      {
        'modules.json': [
          { type: 'sentence_transformers.base.modules.transformer.Transformer', path: '' },
          { type: 'sentence_transformers.models.Dense', path: '1_Dense' }
        ]
      },
      'MODEL_UNSUPPORTED',
      'Dense at "1_Dense"'
    ],
    [
      'types that the model has not',
      {
        'tokenizer.json': {
          post_processor: { type: 'BertProcessing', cls: ['[CLS]', 3], sep: ['[SEP]', 4] }
        },
        'config.json': { type_vocab_size: 1 }
      },
      'MODEL_MISMATCH',
      'type 1'
    ],
    [
      'no template of pairs',
      {
        'tokenizer.json': {
          post_processor: {
            type: 'TemplateProcessing',
            single: [{ Sequence: { id: 'A', type_id: 0 } }],
            special_tokens: {}
          }
        }
      },
      'MODEL_UNSUPPORTED',
      'pair of texts'
    ]
  ])('%s', async (_, changes, code, message) => {
    const loading = CrossEncoder.load(await changed('cross-bert', changes))
    await expect(loading).rejects.toMatchObject({ code })
    await expect(loading).rejects.toThrow(message)
  })

  it('a checkpoint without its head', async () => {
    const files = await changed('colbert-stanford', { 'config.json': { architectures: null } })
    await expect(CrossEncoder.load(files)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' })
  })
})
