import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Line, linesOf, splitLines } from '../../src/corpus/lines.ts'

const encoder = new TextEncoder()

async function linesIn(chunks: Uint8Array[], maxLineBytes?: number): Promise<Line[]> {
  const lines: Line[] = []
  for await (const line of splitLines(chunks, { maxLineBytes })) lines.push(line)
  return lines
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const sorted = [0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b
  )
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

describe('lines', () => {
  it('do not depend on how the bytes are cut', async () => {
    const piece = fc.constantFrom('a', 'é', '日', '🦊', '\n', '\r\n', '\n\n', 'word ', '\uFEFF')
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 40 }).map(pieces => pieces.join('')),
        fc.array(fc.nat(200), { maxLength: 8 }),
        async (text, cuts) => {
          const unmarked = text.replace(/^\uFEFF/, '')
          const expected = unmarked.split(/\r?\n/).map((line, i) => ({ number: i + 1, text: line }))
          if (expected.at(-1)!.text === '') expected.pop()
          expect(await linesIn(cutAt(encoder.encode(text), cuts))).toEqual(expected)
          expect([...linesOf(text)]).toEqual(expected)
        }
      )
    )
  })

  it('report bytes that are not UTF-8 at their line, and read on', async () => {
    const bytes = Uint8Array.of(0x61, 0x0a, 0xff, 0x62, 0x0a, 0x63, 0x0a, 0xc3)
    const expected = [
      { number: 1, text: 'a' },
      { number: 2, problem: 'not valid UTF-8' },
      { number: 3, text: 'c' },
      { number: 4, problem: 'not valid UTF-8' }
    ]
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await linesIn(cutAt(bytes, [cut]))).toEqual(expected)
    }
  })

  it('report a line that is too long without holding it, and read on', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield encoder.encode('first\n')
      for (let i = 0; i < 1000; i++) yield encoder.encode('x'.repeat(1000))
      yield encoder.encode('\nlast\n0123456789a\n0123456789')
    }
    const lines: Line[] = []
    for await (const line of splitLines(endless(), { maxLineBytes: 10 })) lines.push(line)
    expect(lines).toEqual([
      { number: 1, text: 'first' },
      { number: 2, problem: 'a line of over 10 bytes' },
      { number: 3, text: 'last' },
      { number: 4, problem: 'a line of over 10 bytes' },
      { number: 5, text: '0123456789' }
    ])
  })

  it('name UTF-16 once instead of failing at every line', async () => {
    for (const bytes of [
      [0xff, 0xfe, 0x61, 0, 0x0a, 0, 0x62, 0],
      [0xfe, 0xff, 0, 0x61]
    ]) {
      expect(await linesIn([Uint8Array.from(bytes)])).toEqual([
        { number: 1, problem: 'the file is UTF-16, not UTF-8' }
      ])
    }
  })
})
