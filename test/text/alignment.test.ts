import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alignNormalized } from '../../src/text/alignment.ts'
import { bertNormalizer } from '../../src/text/bert-normalizer.ts'
import { piecesOf, shippedTokenizer } from './shipped-tokenizer.ts'

const everything = { maxTokens: Number.POSITIVE_INFINITY }
const normalize = bertNormalizer({
  cleanText: true,
  handleChineseChars: true,
  stripAccents: true,
  lowercase: true
})

function normalized(text: string): string {
  return alignNormalized(text, 0, text.length, normalize).normalized
}

/** Texts of letters, marks, ideographs, syllables, emoji, controls, special tokens, half surrogates. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(
        'e\u0301',
        'é',
        'Σ',
        'İ',
        '漢',
        '\u{20000}',
        '한',
        '👩‍🔬',
        '❤️',
        '\u0300',
        '\u00ad'
      ),
      fc.constantFrom(
        'walking',
        'UNBELIEVABLE',
        ' ',
        ' ',
        '-',
        '[MASK]',
        '[SEP]',
        '\u0000',
        '\ud800'
      ),
      fc.constantFrom('\udc00', '\ufffd', '\u200d', '\u0085', '\v', 'x'.repeat(101))
    ),
    { maxLength: 12 }
  )
  .map(parts => parts.join(''))

describe('slices of the text as given', () => {
  test.each<[text: string, pieces: [string, string][]]>([
    [
      'Cafe\u0301!',
      [
        ['cafe', 'Cafe\u0301'],
        ['!', '!']
      ]
    ],
    [
      'Café!',
      [
        ['cafe', 'Café'],
        ['!', '!']
      ]
    ],
    [
      '漢日が',
      [
        ['漢', '漢'],
        ['日', '日'],
        ['か', 'が']
      ]
    ],
    ['か\u3099', [['か', 'か\u3099']]],
    [
      '각',
      [
        ['ᄀ', '각'],
        ['##ᅡ', '각'],
        ['##ᆨ', '각']
      ]
    ],
    ['a👩\u200d🔬', [['[UNK]', 'a👩\u200d🔬']]],
    [
      '🇫🇷.',
      [
        ['[UNK]', '🇫🇷'],
        ['.', '.']
      ]
    ],
    ['❤\ufe0f', [['[UNK]', '❤\ufe0f']]],
    ['re\u00ad\u200bturn\u200b', [['return', 're\u00ad\u200bturn']]],
    ['\ud800a\udc00', [['a', 'a']]],
    [
      'x[MASK]ing',
      [
        ['x', 'x'],
        ['[MASK]', '[MASK]'],
        ['ing', 'ing']
      ]
    ],
    [
      `${'long'.repeat(26)}, yes`,
      [
        ['[UNK]', 'long'.repeat(26)],
        [',', ','],
        ['yes', 'yes']
      ]
    ]
  ])('%j', (text, pieces) => {
    expect(piecesOf(text)).toEqual(pieces)
  })
})

describe('for any text', () => {
  test('offsets lie within the text, ascend, and overlap only inside one character', () => {
    fc.assert(
      fc.property(anyText, text => {
        const { ids, offsets } = shippedTokenizer.encode(text, everything)
        expect(offsets.length).toBe(2 * ids.length)
        let previousStart = 0
        let previousEnd = 0
        for (let i = 1; i < ids.length - 1; i++) {
          const start = offsets[2 * i]!
          const end = offsets[2 * i + 1]!
          expect(start).toBeLessThan(end)
          expect(end).toBeLessThanOrEqual(text.length)
          expect(start).toBeGreaterThanOrEqual(previousStart)
          expect(end).toBeGreaterThanOrEqual(previousEnd)
          if (start < previousEnd) {
            const shared = text.slice(start, previousEnd)
            expect(shared).toMatch(/^.\p{Grapheme_Extend}*$/su)
            expect(shared.normalize('NFD')).not.toBe(shared)
          }
          previousStart = start
          previousEnd = end
        }
      }),
      { numRuns: 500 }
    )
  })

  test('the slice of a token normalises to the letters of the token', () => {
    fc.assert(
      fc.property(anyText, text => {
        for (const [token, piece] of piecesOf(text)) {
          if (token === '[UNK]' || token === piece) continue
          const letters = token.replace(/^##/, '')
          const slice = normalized(piece).trim()
          const isPartOfCharacter = slice !== letters && /^.\p{M}*$/su.test(piece.normalize('NFC'))
          if (isPartOfCharacter) expect(slice).toContain(letters)
          else expect(slice).toBe(letters)
        }
      }),
      { numRuns: 500 }
    )
  })

  test('no letter is lost between tokens', () => {
    fc.assert(
      fc.property(anyText, text => {
        const { offsets } = shippedTokenizer.encode(text, everything)
        let position = 0
        for (let i = 2; i < offsets.length - 2; i += 2) {
          const gap = text.slice(position, offsets[i])
          expect(normalized(gap).trim()).toBe('')
          position = Math.max(position, offsets[i + 1]!)
        }
        expect(normalized(text.slice(position)).trim()).toBe('')
      }),
      { numRuns: 500 }
    )
  })

  test('the fast path and the path with offsets give the same ids, cut or not', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 20 }), (text, maxTokens) => {
        const whole = shippedTokenizer.encode(text, everything)
        expect(shippedTokenizer.tokenize(text, everything).ids).toEqual(whole.ids)
        const cut = shippedTokenizer.encode(text, { maxTokens })
        const { ids, numTruncated } = shippedTokenizer.tokenize(text, { maxTokens })
        expect(ids).toEqual(cut.ids)
        expect(numTruncated).toBe(cut.numTruncated)
        expect(ids.length + numTruncated).toBe(whole.ids.length)
        expect(ids.subarray(0, -1)).toEqual(whole.ids.subarray(0, ids.length - 1))
        expect(shippedTokenizer.countTokens(text)).toBe(whole.ids.length - 2)
      }),
      { numRuns: 500 }
    )
  })
})
