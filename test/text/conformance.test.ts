import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, strFromU8 } from 'fflate'
import { describe, expect, test } from 'vitest'
import { sharedMissing, sharedPath } from '../shared.ts'
import { readJson, shippedTokenizer } from './shipped-tokenizer.ts'

interface HardCase {
  text: string
  tokens: string[]
  ids: number[]
  offsets: [start: number, end: number][]
}

const { cases } = readJson('test/golden/wordpiece-hard-cases.json') as { cases: HardCase[] }
const everything = { maxTokens: Number.POSITIVE_INFINITY }

/**
 * The one difference on purpose: a mark that normalisation removed belongs to the character before it,
 * where the reference leaves it out. Marks that were kept are part of a token of the reference already.
 */
function withMarks({ text, ids, offsets }: HardCase): [number, number][] {
  return offsets.map(([start, end], i) => {
    const isTypedSpecial = ids[i] !== 100 && shippedTokenizer.vocabulary.isSpecial(ids[i]!)
    if (isTypedSpecial) return [start, end] // "[MASK]" is found before marks are looked at
    const next = offsets.find(([nextStart]) => nextStart >= end)?.[0] ?? text.length
    const marks = /^\p{Grapheme_Extend}*/u.exec(text.slice(end, next))![0]
    return [start, end + marks.length]
  })
}

describe('hard cases, as the reference tokenizer has them', () => {
  test('there are at least 100', () => {
    expect(new Set(cases.map(({ text }) => text)).size).toBeGreaterThanOrEqual(100)
  })

  test.each(cases)('$text', hardCase => {
    const { text, tokens, ids } = hardCase
    const encoding = shippedTokenizer.encode(text, everything)
    expect(shippedTokenizer.tokensOf(encoding.ids).slice(1, -1)).toEqual(tokens)
    expect(Array.from(encoding.ids)).toEqual([101, ...ids, 102])
    const { offsets } = encoding
    const pairs = Array.from(encoding.ids, (_, i) => [offsets[2 * i], offsets[2 * i + 1]])
    expect(pairs).toEqual([[0, 0], ...withMarks(hardCase), [0, 0]])
    expect(shippedTokenizer.tokenize(text, everything).ids).toEqual(encoding.ids)
  })

  test('few offsets differ from those of the reference, and all of these by a mark', () => {
    const differing = cases.filter(hardCase => {
      return JSON.stringify(withMarks(hardCase)) !== JSON.stringify(hardCase.offsets)
    })
    expect(differing.length).toBeGreaterThan(0)
    expect(differing.length).toBeLessThan(cases.length / 4)
  })
})

test('the input ids of the reference encoder', () => {
  const golden = readJson('test/golden/splade-tiny.json') as {
    cases: { text: string; input_ids: number[] }[]
  }
  for (const { text, input_ids } of golden.cases) {
    expect(Array.from(shippedTokenizer.tokenize(text).ids), text).toEqual(input_ids)
  }
  expect(golden.cases.length).toBe(22)
})

/** `id<tab>text` lines, as a map; the two files of a pair differ in their order. */
function readLines(path: string): Map<string, string> {
  const bytes = readFileSync(path)
  const text = path.endsWith('.gz') ? strFromU8(gunzipSync(bytes)) : bytes.toString('utf8')
  const lines = text.split('\n').filter(line => line !== '')
  return new Map(
    lines.map(line => {
      const tab = line.indexOf('\t')
      return [line.slice(0, tab), line.slice(tab + 1)]
    })
  )
}

const wordpieceFolder = sharedPath('data/wordpiece')

test.skipIf(wordpieceFolder === undefined)(
  `59,741 texts of public collections (skipped: ${sharedMissing})`,
  () => {
    const folder = wordpieceFolder!
    const files = readdirSync(folder)
    let numCompared = 0
    const unequal: string[] = []
    for (const expectedFile of files.filter(name => name.endsWith('.wp.tsv.gz'))) {
      const stem = expectedFile.replace('.wp.tsv.gz', '')
      const textFile = files.find(name => name === `${stem}.tsv.gz` || name === `${stem}.txt`)!
      const texts = readLines(join(folder, textFile))
      for (const [id, expected] of readLines(join(folder, expectedFile))) {
        const { ids } = shippedTokenizer.tokenize(texts.get(id)!, everything)
        const tokens = shippedTokenizer.tokensOf(ids.subarray(1, -1)).join(' ')
        if (tokens !== expected) unequal.push(`${stem} ${id}: ${tokens} instead of ${expected}`)
        numCompared++
      }
    }
    expect(unequal).toEqual([])
    expect(numCompared).toBe(59_741)
  }
)
