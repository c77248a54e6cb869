import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Passage, type PassageOptions, splitPassages } from '../../src/corpus/passages.ts'
import { sentenceEnds } from '../../src/corpus/sentences.ts'

/** Words and marks, as a tokenizer would see them before it cuts words. */
const countWords = (text: string): number =>
  text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0
const countCharacters = (text: string): number => [...text.replace(/\s/g, '')].length
/** Whole words are one token, parts of them two: together may be more or less than apart. */
const countOddly = (text: string): number =>
  (text.match(/\S+/g) ?? []).reduce((sum, word) => sum + (word.length % 5) + 1, 0)
/** Every character has more tokens than small limits allow. */
const countBytes = (text: string): number => new TextEncoder().encode(text).length

const textsOf = (text: string, passages: readonly Passage[]): string[] =>
  passages.map(({ start, end }) => text.slice(start, end))

const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('One. ', 'Two words! ', 'A longer sentence stands here, it does. ', '\n\n'),
      fc.constantFrom('# Head\n', '中文没有空格。', '🦊🦊', 'e\u0301', ' ', '\t', 'x'.repeat(40)),
      fc.string({ unit: 'binary', maxLength: 12 })
    ),
    { maxLength: 60 }
  )
  .map(parts => parts.join(''))

const anyCase = fc.record({
  text: anyText,
  count: fc.constantFrom(countWords, countCharacters, countOddly, countBytes),
  maxTokens: fc.integer({ min: 1, max: 40 }),
  overlap: fc.double({ min: 0, max: 0.99, noNaN: true }),
  borders: fc.array(fc.nat(400), { maxLength: 6 })
})

function characterBorders(text: string): Set<number> {
  const borders = new Set([0])
  let offset = 0
  for (const character of text) {
    offset += character.length
    borders.add(offset)
  }
  return borders
}

describe('passages', () => {
  it('cover every text in order, within their limits', () => {
    fc.assert(
      fc.property(anyCase, ({ text, count, maxTokens, overlap, borders }) => {
        const whole = characterBorders(text)
        const options: PassageOptions = {
          maxTokens,
          overlapTokens: Math.floor(overlap * maxTokens),
          countTokens: count,
          borders: borders.filter(border => whole.has(border))
        }
        const passages = splitPassages(text, options)
        expect(passages[0]!.start).toBe(0)
        expect(passages.at(-1)!.end).toBe(text.length)
        if (count(text) <= maxTokens) expect(passages).toHaveLength(1)
        for (const [i, { start, end }] of passages.entries()) {
          expect(whole.has(start) && whole.has(end)).toBe(true)
          const passage = text.slice(start, end)
          if (count(passage) > maxTokens) expect([...passage.trim()].length).toBeLessThanOrEqual(1)
          if (i === 0) continue
          const before = passages[i - 1]!
          expect(start).toBeGreaterThan(before.start)
          expect(start).toBeLessThanOrEqual(before.end)
          expect(end).toBeGreaterThan(before.end)
          if (count === countCharacters || count === countBytes) {
            expect(count(text.slice(start, before.end))).toBeLessThanOrEqual(options.overlapTokens!)
          }
        }
      }),
      { numRuns: 500 }
    )
  })

  it('repeat whole sentences up to the overlap', () => {
    const text = 'One two. Three four. Five six. Seven eight. Nine ten. '
    expect(
      textsOf(
        text,
        splitPassages(text, { maxTokens: 9, overlapTokens: 3, countTokens: countWords })
      )
    ).toEqual(['One two. Three four. Five six. ', 'Five six. Seven eight. Nine ten. '])
    expect(
      textsOf(
        text,
        splitPassages(text, { maxTokens: 9, overlapTokens: 2, countTokens: countWords })
      )
    ).toEqual(['One two. Three four. Five six. ', 'Seven eight. Nine ten. '])
  })

  it('prefer to end before a heading, and repeat nothing across it', () => {
    const sections = [
      'Alpha\nOne two three. Four five six. ',
      'Beta\nOne two. ',
      'Gamma\nOne two three four. '
    ]
    const text = sections.join('')
    const borders = [0, sections[0]!.length, sections[0]!.length + sections[1]!.length]
    const split = (maxTokens: number): string[] =>
      textsOf(
        text,
        splitPassages(text, { maxTokens, overlapTokens: 4, countTokens: countWords, borders })
      )
    expect(split(11)).toEqual([sections[0], sections[1]! + sections[2]!])
    expect(split(14)).toEqual([sections[0]! + sections[1]!, sections[2]])
    // A heading is never left behind at the end of a passage.
    expect(split(10)).toEqual([sections[0], sections[1]! + sections[2]!])
  })

  it('cut a long sentence between words and a long word between characters', () => {
    const sentence = 'word '.repeat(40)
    const passages = textsOf(
      sentence,
      splitPassages(sentence, { maxTokens: 8, overlapTokens: 0, countTokens: countWords })
    )
    expect(passages.join('')).toBe(sentence)
    expect(passages.every(passage => /^(word )+$/.test(passage))).toBe(true)
    expect(passages).toHaveLength(5)

    const foxes = '🦊'.repeat(50)
    const cut = splitPassages(foxes, {
      maxTokens: 7,
      overlapTokens: 0,
      countTokens: countCharacters
    })
    expect(textsOf(foxes, cut).join('')).toBe(foxes)
    expect(cut.every(({ start, end }) => start % 2 === 0 && end % 2 === 0)).toBe(true)
  })

  it('of an empty and of a blank text are one', () => {
    const options = { maxTokens: 4, countTokens: countWords }
    expect(splitPassages('', options)).toEqual([{ start: 0, end: 0 }])
    expect(splitPassages(' \n ', options)).toEqual([{ start: 0, end: 3 }])
  })

  it.each([
    [0, undefined, 'maxTokens'],
    [-1, 0, 'maxTokens'],
    [1.5, 0, 'maxTokens'],
    [Number.NaN, 0, 'maxTokens'],
    [8, 8, 'overlapTokens'],
    [8, -1, 'overlapTokens']
  ])('refuse the limits %s and %s', (maxTokens, overlapTokens, place) => {
    expect(() =>
      splitPassages('text', { maxTokens, overlapTokens, countTokens: countWords })
    ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', place }))
  })

  it.each([
    ['short sentences', 'This is a sentence of it. '.repeat(40_000)],
    ['one sentence', 'word '.repeat(200_000)],
    ['one word', 'x'.repeat(1_000_000)],
    ['Chinese without marks', '中'.repeat(350_000)],
    ['blank', ' \n'.repeat(500_000)],
    ['full stops', '.'.repeat(1_000_000)],
    ['lines', 'a\n'.repeat(500_000)]
  ])('of 1 MB (%s) take less than two seconds', (_, text) => {
    const startMs = performance.now()
    const passages = splitPassages(text, { maxTokens: 254, countTokens: countCharacters })
    const ms = performance.now() - startMs
    expect(passages.at(-1)!.end).toBe(text.length)
    expect(ms).toBeLessThan(4000) // twice the promise, for a machine that is busy
  })
})

describe('sentences', () => {
  it('end where the segmenter ends them in one go', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'A cat. ',
            'Why? ',
            'It cost 3.5 or so. ',
            'Ms. May\n',
            'No end ',
            '日。'
          ),
          { minLength: 1, maxLength: 600 }
        ),
        parts => {
          const text = parts.join('')
          const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
          const expected = Array.from(
            segmenter.segment(text),
            ({ index, segment }) => index + segment.length
          )
          expect([...sentenceEnds(text, 0, text.length)]).toEqual(expected)
        }
      ),
      { numRuns: 30 }
    )
  })

  it('of a part of a text are offsets into the whole', () => {
    expect([...sentenceEnds('Skip. One. Two.', 6, 15)]).toEqual([11, 15])
  })
})
