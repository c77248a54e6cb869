import { Tokenizer as PeerTokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WordPiece } from '../../src/text/wordpiece.ts'
import { shippedTokenizer, shippedTokenizerJson } from './shipped-tokenizer.ts'

const json = shippedTokenizerJson()
const peer = new PeerTokenizer(json, {})

test('any words are cut as the plain greedy algorithm of the peer cuts them', () => {
  const terms = ['a', 'b', 'ab', '##a', '##b', '##ba', '##aab', '[U]', '𝔞', '##𝔞', 'c##a']
  const vocab = Object.fromEntries(terms.map((term, id) => [term, id]))
  const options = { unk_token: '[U]', continuing_subword_prefix: '##', max_input_chars_per_word: 9 }
  const oracle = new PeerTokenizer(
    {
      model: { type: 'WordPiece', vocab, ...options },
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null
    },
    {}
  )
  const wordPiece = new WordPiece({
    ids: new Map(Object.entries(vocab)),
    continuingPrefix: '##',
    unknownId: vocab['[U]']!,
    maxCharsPerWord: 9
  })
  const letters = fc.constantFrom('a', 'b', 'a', 'b', 'a', 'b', '𝔞', 'c', '#')
  fc.assert(
    fc.property(fc.string({ unit: letters, minLength: 1, maxLength: 11 }), word => {
      const ids: number[] = []
      const ends: number[] = []
      wordPiece.encode(word, ids, ends)
      expect(ids.map(id => terms[id])).toEqual(oracle.tokenize(word))
      expect(ends.length).toBe(ids.length)
      expect(ends.at(-1)).toBe(word.length)
    }),
    { numRuns: 2000 }
  )
})

test('texts of old, contextless characters are tokenized as by the peer', () => {
  // The peer errs on final sigma, on ideographs beyond the first plane and on characters that are
  // younger than the reference's tables; on all others it is an independent second opinion.
  const character = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...'aeionrst ABC,.-12') },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x2ff }).map(c => String.fromCodePoint(c)) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0x400, max: 0x481 }).map(c => String.fromCodePoint(c))
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0x3040, max: 0xa4c6 }).map(c => String.fromCodePoint(c))
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0xac00, max: 0xd7a3 }).map(c => String.fromCodePoint(c))
    }
  )
  const maxTokens = Number.POSITIVE_INFINITY
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 60 }), text => {
      const { ids } = shippedTokenizer.tokenize(text, { maxTokens })
      expect(shippedTokenizer.tokensOf(ids.subarray(1, -1))).toEqual(peer.tokenize(text))
    }),
    { numRuns: 1000 }
  )
})
