import { describe, expect, test } from 'vitest'
import { Tokenizer } from '../../src/text/tokenizer.ts'
import {
  areSame,
  type Spoilable,
  shippedTokenizer,
  shippedTokenizerJson
} from './shipped-tokenizer.ts'

const everything = { maxTokens: Number.POSITIVE_INFINITY }

describe('truncation', () => {
  const text = 'one two three four five'

  test('keeps [CLS] first and [SEP] last and counts what was left out', () => {
    const { ids, numTruncated } = shippedTokenizer.tokenize(text, { maxTokens: 5 })
    expect(shippedTokenizer.tokensOf(ids)).toEqual(['[CLS]', 'one', 'two', 'three', '[SEP]'])
    expect(numTruncated).toBe(2)
  })

  test('leaves a text alone that fits exactly', () => {
    expect(shippedTokenizer.tokenize(text, { maxTokens: 7 }).numTruncated).toBe(0)
    expect(shippedTokenizer.tokenize(text, { maxTokens: 6 }).numTruncated).toBe(1)
  })

  test('is at 256 tokens unless told otherwise', () => {
    const { ids, numTruncated } = shippedTokenizer.tokenize('word '.repeat(300))
    expect([ids.length, numTruncated]).toEqual([256, 46])
  })

  test.each([1, 0, -1, 2.5, Number.NaN])('to %d tokens is refused', maxTokens => {
    for (const call of ['tokenize', 'encode'] as const) {
      expect(() => shippedTokenizer[call](text, { maxTokens })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', place: 'maxTokens' })
      )
    }
  })
})

test.each(['', ' ', '\t\n\u3000', '\u0000\u200b'])('%j is a text without tokens', text => {
  const { ids, offsets, numTruncated } = shippedTokenizer.encode(text)
  expect(Array.from(ids)).toEqual([101, 102])
  expect(Array.from(offsets)).toEqual([0, 0, 0, 0])
  expect(numTruncated).toBe(0)
  expect(shippedTokenizer.countTokens(text)).toBe(0)
})

describe('a megabyte', () => {
  const size = 1_000_000
  const texts: Record<string, string> = {
    'of words': 'the heron waits '.repeat(size / 16),
    'of one word': 'a'.repeat(size),
    'of one word that is cut into pieces': 'a-'.repeat(size / 2),
    'of words of 100 letters': `${'acgtt'.repeat(20)} `.repeat(size / 101),
    'of ideographs': '漢'.repeat(size),
    'of marks': `a${'\u0301'.repeat(size)}`,
    'of special tokens': '[MASK]'.repeat(size / 6)
  }
  test.each(Object.entries(texts))('%s takes seconds at most', (_, text) => {
    const start = performance.now()
    const { ids, numTruncated } = shippedTokenizer.tokenize(text)
    const numTokens = shippedTokenizer.encode(text, everything).ids.length
    expect(ids.length + numTruncated).toBe(numTokens)
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

test('a lone surrogate is read as U+FFFD, which the clean-up removes', () => {
  for (const call of ['tokenize', 'encode'] as const) {
    const { ids } = shippedTokenizer[call]('bro\ud83dken \udc00 end')
    expect(shippedTokenizer.tokensOf(ids)).toEqual(['[CLS]', 'broken', 'end', '[SEP]'])
  }
})

test('the ids do not depend on the words that were seen before, however many', () => {
  const fresh = Tokenizer.fromJson(shippedTokenizerJson())
  const words = Array.from({ length: 70_000 }, (_, i) => `w${i}`).join(' ')
  const first = fresh.tokenize(words, everything).ids
  expect(first.length).toBeGreaterThan(140_000)
  expect(areSame(fresh.tokenize(words, everything).ids, first)).toBe(true)
  expect(areSame(fresh.encode(words, everything).ids, first)).toBe(true)
})

test('the special tokens by their roles, with and without a config', () => {
  const roles = { cls: 101, sep: 102, pad: 0, mask: 103, unk: 100 }
  expect(shippedTokenizer.specialTokens).toEqual(roles)
  expect(Tokenizer.fromJson(shippedTokenizerJson()).specialTokens).toEqual(roles)
  const config = { mask_token: { content: '[unused5]' } }
  expect(Tokenizer.fromJson(shippedTokenizerJson(), config).specialTokens.mask).toBe(6)
})

describe('other configurations of BERT', () => {
  const tokens = (change: (json: Spoilable) => void, text: string): string[] => {
    const json = shippedTokenizerJson()
    change(json)
    const tokenizer = Tokenizer.fromJson(json)
    const { ids } = tokenizer.encode(text)
    expect(tokenizer.tokenize(text).ids).toEqual(ids)
    return tokenizer.tokensOf(ids)
  }

  test('cased: accents and case stay', () => {
    const cased = (json: Spoilable) => {
      json.normalizer.lowercase = false
      json.model.vocab = { '[UNK]': 0, É: 1, e: 2, '##té': 3, '##te': 4, '[CLS]': 5, '[SEP]': 6 }
      json.added_tokens = []
      json.post_processor = { type: 'BertProcessing', sep: ['[SEP]', 6], cls: ['[CLS]', 5] }
    }
    expect(tokens(cased, 'Été ete')).toEqual(['[CLS]', 'É', '##té', 'e', '##te', '[SEP]'])
  })

  test('without a template nothing is added', () => {
    const bare = (json: Spoilable) => {
      json.post_processor = null
    }
    expect(tokens(bare, 'a heronry')).toEqual(['a', 'heron', '##ry'])
  })

  test('without clean-up controls stay, and still separate where they are white space', () => {
    const unclean = (json: Spoilable) => {
      json.normalizer.clean_text = false
    }
    expect(tokens(unclean, 'a\vb\u0085c\u200bd')).toEqual(['[CLS]', 'a', 'b', '[UNK]', '[SEP]'])
  })

  test('added tokens: in the text as given or normalised, as part of a word or not', () => {
    const added = (json: Spoilable) => {
      const token = { single_word: false, lstrip: false, rstrip: false, special: false }
      json.added_tokens.push(
        { ...token, id: 30522, content: 'New York', normalized: true },
        { ...token, id: 30523, content: 'zcat', normalized: false, single_word: true },
        { ...token, id: 30524, content: '[DOC]', normalized: false }
      )
    }
    const text = 'new yörk [DOC]s zcat zcats [doc]'
    expect(tokens(added, text).join('|')).toEqual(
      '[CLS]|New York|[DOC]|s|zcat|z|##cats|[|doc|]|[SEP]'
    )
  })
})
