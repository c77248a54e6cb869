import { describe, expect, it } from 'vitest'
import { longestFirst } from '../../src/text/pair-room.ts'
import { Tokenizer } from '../../src/text/tokenizer.ts'
import { goldenTokenizers, tokenizerOf } from './golden-tokenizers.ts'
import { readJson } from './shipped-tokenizer.ts'

/** What the Rust library `tokenizers` makes of pairs (`test/golden/make-rerank.py`). */
const golden = readJson('test/golden/rerank/pairs.json') as {
  readonly cases: readonly {
    readonly family: string
    readonly texts: readonly [string, string]
    readonly max_tokens: number
    readonly ids: readonly number[]
    readonly types: readonly number[]
  }[]
  /** Tokens of the first text and the second, room for both, and how many are kept of each. */
  readonly rooms: readonly (readonly [number, number, number, number, number])[]
}
const tokenizers = new Map(goldenTokenizers().map(one => [one.name, one]))

describe('pairs of texts', () => {
  it.each(golden.cases)('$family: $texts in $max_tokens tokens', one => {
    const tokenizer = tokenizerOf(tokenizers.get(one.family)!)
    const pair = tokenizer.tokenizePair(...one.texts, { maxTokens: one.max_tokens })
    expect([...pair.ids]).toEqual(one.ids)
    expect([...pair.types]).toEqual(one.types)
  })

  it('are cut as the reference cuts them, whatever their lengths', () => {
    expect(golden.rooms.length).toBe(8 * 8 * 13)
    for (const [first, second, room, ...kept] of golden.rooms) {
      expect(longestFirst(first, second, room)).toEqual(kept)
    }
  })

  const json = tokenizers.get('roberta')!.json
  const withProcessor = (post_processor: unknown) => Tokenizer.fromJson({ ...json, post_processor })
  const roberta = { type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 2] }

  it.each<[string, unknown, number]>([
    ['RoBERTa', roberta, 4],
    ['BERT', { ...roberta, type: 'BertProcessing' }, 3],
    ['a sequence', { type: 'Sequence', processors: [{ type: 'ByteLevel' }, roberta] }, 4],
    ['ByteLevel', { type: 'ByteLevel' }, 0],
    ['nothing', null, 0]
  ])('stand between the special tokens of %s', (_, processor, numAround) => {
    const tokenizer = withProcessor(processor)
    const { ids } = tokenizer.tokenizePair('ab', 'ba')
    expect(ids.length - tokenizer.countTokens('ab') - tokenizer.countTokens('ba')).toBe(numAround)
  })

  it.each<[string, unknown, string]>([
    [
      'two processors that add tokens',
      { type: 'Sequence', processors: [roberta, roberta] },
      'does not say'
    ],
    [
      'a template of one text only',
      { type: 'TemplateProcessing', single: [{ Sequence: { id: 'A', type_id: 0 } }] },
      'does not say'
    ]
  ])('are refused by %s', (_, processor, message) => {
    const tokenizer = withProcessor(processor)
    expect(() => tokenizer.tokenizePair('a', 'b')).toThrow(message)
    expect(tokenizer.tokenize('a').ids.length).toBeGreaterThan(0)
  })

  const template = (pair: unknown) => ({
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }],
    pair,
    special_tokens: { '<s>': { id: '<s>', ids: [1e9], tokens: ['<s>'] } }
  })
  it.each<[string, unknown]>([
    ['a text', [{ Sequence: { id: 'A', type_id: 0 } }]],
    ['the second text first', [{ Sequence: { id: 'B' } }, { Sequence: { id: 'A' } }]],
    ['a third text', [{ Sequence: { id: 'C' } }]],
    ['a token that is not there', [{ SpecialToken: { id: '<s>', type_id: 0 } }]],
    ['a type below 0', [{ Sequence: { id: 'A', type_id: -1 } }]]
  ])('have no template with %s', (_, pair) => {
    expect(() => withProcessor(template(pair))).toThrow(
      expect.objectContaining({ code: 'MODEL_FILE_INVALID' })
    )
  })

  it('need room for their special tokens', () => {
    const tokenizer = withProcessor(roberta)
    expect(() => tokenizer.tokenizePair('a', 'b', { maxTokens: 3 })).toThrow('maxTokens')
    expect(tokenizer.tokenizePair('a', 'b', { maxTokens: 4 }).ids).toHaveLength(4)
  })
})
