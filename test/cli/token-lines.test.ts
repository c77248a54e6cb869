import { expect, test } from 'vitest'
import { tokenLines } from '../../src/cli/token-lines.ts'
import { goldenTokenizers, tokenizerOf } from '../text/golden-tokenizers.ts'

/** Tokens as `expand --tokens` shows them, those that stand back in brackets. */
function shown(name: string, text: string, columns = 200): string[] {
  const tokenizer = tokenizerOf(goldenTokenizers().find(golden => golden.name === name)!)
  const { vocabulary } = tokenizer
  const { ids, offsets } = tokenizer.encode(text)
  const tokens = Array.from(ids, (id, i) => ({
    token: vocabulary.display(id),
    id,
    start: offsets[2 * i]!,
    end: offsets[2 * i + 1]!,
    special: vocabulary.isSpecial(id)
  }))
  return tokenLines(text, tokens, { columns, paint: word => `(${word})` })
}

test('pieces of a word stand back in every family, words and signs do not', () => {
  const text = 'the heronry, theheron'
  expect(shown('distilbert', text).join('\n')).toBe(
    '([CLS]) the her (##on) (##ry) , the (##he) (##ro) (##n) ([SEP])'
  )
  expect(shown('roberta', text).join('\n')).toBe(
    '(<s>) the he (r) (on) (ry) , the (her) (on) (</s>)'
  )
  expect(shown('xlm-roberta', text).join('\n')).toBe(
    '(<s>) the her (on) (r) (y) , the (h) (er) (on) (</s>)'
  )
})

test('Chinese characters are no pieces of a word', () => {
  expect(shown('distilbert', '日本').join('\n')).not.toMatch(/\((?!\[)/)
})

test('a token that is cut into lines stands back in all of them, the next one does not', () => {
  const tokens = [
    { token: 'ab', id: 1, start: 0, end: 2, special: false },
    { token: 'cdefgh', id: 2, start: 2, end: 8, special: false },
    { token: 'i\n', id: 3, start: 9, end: 11, special: false }
  ]
  const lines = tokenLines('abcdefgh i\n', tokens, { columns: 4, paint: word => `(${word})` })
  expect(lines).toEqual(['ab', '(cdef)', '(gh)', 'i␣'])
})
