import crc32 from 'crc-32'
import { expect, test } from 'vitest'
import { characterClass, isWhitespace } from '../../src/text/bert-characters.ts'

const LETTERS = { control: 'c', mark: 'm', punctuation: 'p', ideograph: 'i', other: 'o' }

test('every code point has the class the reference gives it', () => {
  let letters = ''
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    letters += LETTERS[characterClass(codePoint)]
  }
  // printed by test/golden/make-bert-characters.py
  expect((crc32.str(letters) >>> 0).toString(16).padStart(8, '0')).toBe('129bfe22')
})

test('white space is what Unicode calls White_Space', () => {
  for (let unit = 0; unit <= 0xffff; unit++) {
    expect(isWhitespace(unit)).toBe(/^\p{White_Space}$/u.test(String.fromCharCode(unit)))
  }
})
