import { expect, test } from 'vitest'
import { EsplanadeError } from '../../src/errors.ts'
import { Tokenizer } from '../../src/text/tokenizer.ts'
import { goldenTokenizers } from './golden-tokenizers.ts'
import { type Spoilable, shippedTokenizerJson } from './shipped-tokenizer.ts'

type Change = (json: Spoilable) => void

function errorOf(tokenizerJson: unknown, config?: unknown): EsplanadeError {
  try {
    Tokenizer.fromJson(tokenizerJson, config)
  } catch (error) {
    expect(error).toBeInstanceOf(EsplanadeError)
    return error as EsplanadeError
  }
  return expect.fail('no error')
}

test.each<[what: string, change: Change, message: RegExp]>([
  ['no model', json => delete json.model, /"model" is missing/],
  ['no vocabulary', json => delete json.model.vocab, /vocab is missing or empty/],
  ['an empty vocabulary', json => (json.model.vocab = {}), /vocab is missing or empty/],
  ['a list as vocabulary', json => (json.model.vocab = ['a']), /vocab is missing or empty/],
  ['an id that is no number', json => (json.model.vocab.the = '1996'), /the id of "the" is "1996"/],
  ['a negative id', json => (json.model.vocab.the = -1), /the id of "the" is -1/],
  [
    'an id given twice',
    json => (json.model.vocab.the = 1997),
    /1997 .* is that of another term too/
  ],
  ['a gap', json => (json.model.vocab.the = 40_000), /40000 of "the" leaves a gap/],
  [
    'no unknown token',
    json => delete json.model.vocab['[UNK]'],
    /lacks the unknown token "\[UNK\]"/
  ],
  ['an odd prefix', json => (json.model.continuing_subword_prefix = 7), /subword prefix is 7/],
  ['an odd limit', json => (json.model.max_input_chars_per_word = 0), /per_word is 0/],
  ['an odd flag', json => (json.normalizer.lowercase = 'yes'), /normalizer.lowercase is "yes"/],
  [
    'an added token without content',
    json => (json.added_tokens[2] = { id: 1 }),
    /added_tokens\[2\]/
  ],
  [
    'added tokens that are no list',
    json => (json.added_tokens = 'x'),
    /added_tokens is not a list/
  ],
  ['a template of nothing', json => (json.post_processor.single = []), /has 0 sequences/],
  [
    'a template with an unknown token',
    json => (json.post_processor.single[0].SpecialToken.id = '[X]'),
    /post_processor.single holds .*\[X\]/
  ],
  [
    'a pair that lies',
    json =>
      (json.post_processor = { type: 'BertProcessing', cls: ['[CLS]', 5], sep: ['[SEP]', 102] }),
    /post_processor holds \["\[CLS\]",5\]/
  ]
])('%s', (_, change, message) => {
  const json = shippedTokenizerJson()
  change(json)
  const error = errorOf(json)
  expect(error.code).toBe('MODEL_FILE_INVALID')
  expect(error.place).toBe('tokenizer.json')
  expect(error.message).toMatch(message)
})

test.each([null, undefined, 7, 'text', []])('%j is not a tokenizer', json => {
  expect(errorOf(json)).toMatchObject({ code: 'MODEL_FILE_INVALID', place: 'tokenizer.json' })
})

test.each<[what: string, change: Change]>([
  ['an unknown model', json => (json.model.type = 'WordLevel')],
  ['BPE on characters', json => (json.model.type = 'BPE')],
  ['Unigram without its pre-tokenizer', json => (json.model.type = 'Unigram')],
  ['another normalizer', json => (json.normalizer = { type: 'NFC' })],
  ['no normalizer', json => (json.normalizer = null)],
  ['another pre-tokenizer', json => (json.pre_tokenizer = { type: 'ByteLevel' })],
  ['another post-processor', json => (json.post_processor = { type: 'CharacterProcessing' })]
])('%s is of another family', (_, change) => {
  const json = shippedTokenizerJson()
  change(json)
  expect(errorOf(json)).toMatchObject({ code: 'MODEL_UNSUPPORTED', place: 'tokenizer.json' })
})

test('a config that names a token the vocabulary lacks', () => {
  const error = errorOf(shippedTokenizerJson(), { mask_token: '<mask>' })
  expect(error).toMatchObject({ code: 'MODEL_MISMATCH', place: 'tokenizer_config.json' })
  expect(error.problem).toContain('mask_token is "<mask>"')
})

test.each<[family: string, change: Change, code: string, message: RegExp]>([
  ['roberta', json => (json.model.merges = 'x'), 'MODEL_FILE_INVALID', /merges is not a list/],
  [
    'roberta',
    json => (json.model.merges[3] = ['Ġ', 'nowhere']),
    'MODEL_FILE_INVALID',
    /merges\[3\] is \["Ġ","nowhere"\]/
  ],
  ['roberta', json => (json.model.byte_fallback = true), 'MODEL_UNSUPPORTED', /byte_fallback/],
  [
    'roberta',
    json => (json.normalizer = { type: 'Nmt' }),
    'MODEL_UNSUPPORTED',
    /normalizer is "Nmt"/
  ],
  ['roberta', json => (json.pre_tokenizer.use_regex = false), 'MODEL_UNSUPPORTED', /use_regex/],
  ['xlm-roberta', json => (json.model.unk_id = null), 'MODEL_FILE_INVALID', /unk_id is null/],
  ['xlm-roberta', json => (json.model.vocab[7] = ['x']), 'MODEL_FILE_INVALID', /vocab\[7\]/],
  [
    'xlm-roberta',
    json => (json.normalizer.normalizers[0].precompiled_charsmap = '////'),
    'MODEL_FILE_INVALID',
    /charsmap does not hold a trie/
  ],
  [
    'xlm-roberta',
    json => (json.pre_tokenizer = { type: 'Whitespace' }),
    'MODEL_UNSUPPORTED',
    /pre-tokenizer of Unigram is \["Whitespace"\]/
  ],
  [
    'xlm-roberta',
    json => (json.model.type = 'WordLevel'),
    'MODEL_UNSUPPORTED',
    /"WordLevel".*"Unigram"/
  ]
])('%s, spoilt: %#', (family, change, code, message) => {
  const { json } = goldenTokenizers().find(({ name }) => name === family)!
  change(json)
  const error = errorOf(json)
  expect(error).toMatchObject({ code, place: 'tokenizer.json' })
  expect(error.message).toMatch(message)
})
