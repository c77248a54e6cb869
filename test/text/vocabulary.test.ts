import { expect, test } from 'vitest'
import { createVocabulary } from '../../src/text/vocabulary.ts'
import { goldenTokenizers, tokenizerOf } from './golden-tokenizers.ts'
import { shippedTokenizer, shippedTokenizerJson } from './shipped-tokenizer.ts'

test('ids and terms lead to each other', () => {
  const { vocabulary } = shippedTokenizer
  const { vocab } = shippedTokenizerJson().model
  expect(vocabulary.size).toBe(30_522)
  for (const [term, id] of Object.entries<number>(vocab)) {
    if (vocabulary.idOf(term) !== id || vocabulary.termOf(id) !== term) expect.fail(term)
  }
  expect(vocabulary.idOf('no such term')).toBeUndefined()
  expect(vocabulary.idOf('__proto__')).toBeUndefined()
})

test('an id outside the vocabulary is refused', () => {
  for (const id of [-1, 30_522, 0.5, Number.NaN]) {
    expect(() => shippedTokenizer.vocabulary.termOf(id)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    )
  }
})

test('the special tokens are told from the terms', () => {
  const { vocabulary } = shippedTokenizer
  const special = Array.from({ length: vocabulary.size }, (_, id) => id).filter(id =>
    vocabulary.isSpecial(id)
  )
  expect(shippedTokenizer.tokensOf(special)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])
})

test('the fingerprint depends on every term and on their order', () => {
  const { fingerprint } = createVocabulary(['a', 'b', 'ab'])
  expect(fingerprint).toMatch(/^3-[0-9a-f]{8}$/)
  expect(createVocabulary(['a', 'b', 'ab']).fingerprint).toBe(fingerprint)
  for (const other of [
    ['b', 'a', 'ab'],
    ['a', 'b', 'aB'],
    ['a', 'ba', 'b'],
    ['a', 'b']
  ]) {
    expect(createVocabulary(other).fingerprint).not.toBe(fingerprint)
  }
  // recorded in indexes: a change of the method would make them all look foreign
  expect(createVocabulary(['a', 'é']).fingerprint).toBe('2-01348f23')
})

test('a term that occurs twice is refused', () => {
  expect(() => createVocabulary(['a', 'b', 'a'])).toThrow(/"a" occurs twice/)
})

test('display writes terms as a person would, in the way of each family', () => {
  const shown = (name: string, term: string): string => {
    const { vocabulary } = tokenizerOf(goldenTokenizers().find(golden => golden.name === name)!)
    return vocabulary.display(vocabulary.idOf(term)!)
  }
  expect(['Ġthe', 'the', 'Ġ', 'Ã©', 'Ã', '<mask>'].map(term => shown('roberta', term))).toEqual([
    'the',
    'the',
    'Ġ',
    'é',
    '<C3>',
    '<mask>'
  ])
  expect(['▁the', 's', '▁', '</s>'].map(term => shown('xlm-roberta', term))).toEqual([
    'the',
    's',
    '▁',
    '</s>'
  ])
  expect(['the', '##s', '[CLS]'].map(term => shown('distilbert', term))).toEqual([
    'the',
    '##s',
    '[CLS]'
  ])
  expect(() => createVocabulary(['a']).display(1)).toThrow('the vocabulary has no term 1')
})
