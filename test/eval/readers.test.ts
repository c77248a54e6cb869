import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readQrels } from '../../src/eval/qrels.ts'
import { readRun } from '../../src/eval/run.ts'
import { readTopics } from '../../src/eval/topics.ts'

const entries = (map: ReadonlyMap<string, unknown>) => [...map]

/** Asserts code, place and a part of the problem in one go. */
const failure = (code: string, place: string, problem: RegExp) =>
  expect.objectContaining({ code, place, problem: expect.stringMatching(problem) })

async function* later(lines: string[]): AsyncGenerator<string> {
  for (const line of lines) yield line
}

describe('topics', () => {
  test('BEIR, with a byte order mark, carriage returns, blank lines and other fields', async () => {
    const lines = [
      '\uFEFF{"_id": "q1", "text": "why do leaves turn red"}\r',
      '',
      '{"_id": "q 2", "text": "", "metadata": {"a": 1}}\r',
      '  '
    ]
    const expected = [
      ['q1', 'why do leaves turn red'],
      ['q 2', '']
    ]
    expect(entries(await readTopics(lines))).toEqual(expected)
    expect(entries(await readTopics(later(lines)))).toEqual(expected)
  })

  test('tab-separated', async () => {
    const topics = await readTopics(['10\thow deep is the sea', '9\t<b> in HTML', '8\t'])
    expect(entries(topics)).toEqual([
      ['10', 'how deep is the sea'],
      ['9', '<b> in HTML'],
      ['8', '']
    ])
  })

  test('TREC, in both of its spellings', async () => {
    const topics = await readTopics([
      '<top>',
      '<num> Number: 901',
      '<title> Topic: tides in narrow',
      'bays < 3 km',
      '<desc> Description:',
      'How high do they rise?',
      '</top>',
      '<top>',
      '<num>902</num>',
      '<title>',
      'night trains',
      '</title>',
      '</top>'
    ])
    expect(entries(topics)).toEqual([
      ['901', 'tides in narrow bays < 3 km'],
      ['902', 'night trains']
    ])
  })

  test('the format can be named where the first line misleads', async () => {
    expect(entries(await readTopics(['{1}\tset of one'], { format: 'tsv' }))).toEqual([
      ['{1}', 'set of one']
    ])
  })

  test.each([
    ['{"_id": "a", "text": "x"}\n{"_id": ', 2, /is not JSON/],
    ['{"_id": "a", "text": "x"}\n[1]', 2, /not a JSON object/],
    ['{"text": "x"}', 1, /"_id"/],
    ['{"_id": 7, "text": "x"}', 1, /"_id"/],
    ['{"_id": "a"}', 1, /"text" of query "a"/],
    ['{"_id": "a", "text": "x"}\n\n{"_id": "a", "text": "y"}', 3, /stands twice/],
    ['a\tx\nb', 2, /1 tab-separated column/],
    ['a\tx\ty', 1, /3 tab-separated columns/],
    ['\tx', 1, /id is empty/],
    ['<top>\n<num> 1\n</top>', 1, /no title/],
    ['<top>\n<title> x\n</top>', 1, /no number/],
    ['<top>\n<num> 1\n<title> x', 1, /no end/],
    ['<top>\n<num> 1\n<top>', 1, /no end/],
    ['</top>', 1, /without a start/],
    ['<top>\n<num>1\n<title>x\n</top>\nstray', 5, /outside of a topic/]
  ])('refuses %j', async (text, lineNumber, problem) => {
    await expect(readTopics(text.split('\n'), { place: 'topics.x' })).rejects.toEqual(
      failure('TOPICS_INVALID', `topics.x:${lineNumber}`, problem)
    )
  })
})

describe('qrels', () => {
  const expected = [
    [
      'q1',
      new Map([
        ['d1', 2],
        ['d2', 0]
      ])
    ],
    ['q2', new Map([['d1', -1]])]
  ]

  test('BEIR, with and without header', async () => {
    const lines = ['q1\td1\t2', 'q1\td2\t0', 'q2\td1\t-1']
    expect(entries(await readQrels(['query-id\tcorpus-id\tscore', ...lines]))).toEqual(expected)
    expect(entries(await readQrels(later(lines)))).toEqual(expected)
  })

  test('BEIR keys may hold spaces', async () => {
    const qrels = await readQrels(['q 1\tnew york\t1'])
    expect(qrels.get('q 1')?.get('new york')).toBe(1)
  })

  test('TREC, with a comment, any ASCII white space, and queries not in one piece', async () => {
    const lines = ['# pooled to 100', 'q1 0 d1 2', 'q2\tQ0 d1  -1', ' q1 0 d2 0 ']
    expect(entries(await readQrels(lines))).toEqual(expected)
  })

  test.each([
    ['q1 0 d1 1\nq1 0 d2', 2, /has 3 columns/],
    ['q1 0 d1 1 extra', 1, /has 5 columns/],
    ['q1 0 d1 1.5', 1, /grade "1\.5" is not an integer/],
    ['q1 0 d1 high', 1, /not an integer/],
    ['q1 0 d1 9007199254740993', 1, /not an integer/],
    ['q1 0 d1 1\nq2 0 d1 1\nq1 0 d1 0', 3, /"d1" is judged twice for query "q1"/],
    ['query-id\tcorpus-id\tscore\nq1\td1', 2, /2 columns/],
    ['query-id\tcorpus-id\tscore\nquery-id\tcorpus-id\tscore', 2, /not an integer/],
    ['q1\td1\t1\n\td1\t1', 2, /empty/],
    ['qid\tpid\tgrade', 1, /grade "grade" is not an integer/]
  ])('refuses %j', async (text, lineNumber, problem) => {
    await expect(readQrels(text.split('\n'), { place: 'test.tsv' })).rejects.toEqual(
      failure('QRELS_INVALID', `test.tsv:${lineNumber}`, problem)
    )
  })
})

describe('runs', () => {
  test('keeps the order of the file and ignores rank and tag', async () => {
    const lines = ['# a comment', 'q1 Q0 d2 9 .5 t', 'q2\tQ0\td1 1 -1e-3 t', 'q1 0 d1 1 12 u']
    const expected = [
      [
        'q1',
        [
          { key: 'd2', score: 0.5 },
          { key: 'd1', score: 12 }
        ]
      ],
      ['q2', [{ key: 'd1', score: -0.001 }]]
    ]
    expect(entries(await readRun(lines))).toEqual(expected)
    expect(entries(await readRun(later(lines)))).toEqual(expected)
  })

  test.each([
    ['q1 Q0 d1 1 2', 1, /has 5 columns/],
    ['q1 Q0 my key 1 2 t', 1, /has 7 columns/],
    ['q1 Q0 d1 1 NaN t', 1, /score "NaN"/],
    ['q1 Q0 d1 1 inf t', 1, /score "inf"/],
    ['q1 Q0 d1 1 1e999 t', 1, /score "1e999"/],
    ['q1 Q0 d1 1 0x10 t', 1, /score "0x10"/],
    ['q1 Q0 d1 1 2 t\nq2 Q0 d1 1 2 t\nq1 Q0 d1 2 1 t', 3, /"d1" stands twice for query "q1"/]
  ])('refuses %j', async (text, lineNumber, problem) => {
    await expect(readRun(text.split('\n'), { place: 'a.trec' })).rejects.toEqual(
      failure('RUN_INVALID', `a.trec:${lineNumber}`, problem)
    )
  })

  test('an error stays short however long the line', async () => {
    const error = await readRun(['x'.repeat(1e6)]).catch((caught: Error) => caught)
    expect((error as Error).message.length).toBeLessThan(400)
  })
})

test('whatever the lines, a reader answers or throws its own error', async () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('<', '>', 'top', 'num', '/', '{', '}', '"', '\t', ' ', '1') })
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line), async lines => {
      for (const read of [readTopics, readQrels, readRun]) {
        const outcome: unknown = await read(lines).catch(error => error)
        if (outcome instanceof Map) continue
        expect(outcome).toMatchObject({ code: expect.stringMatching(/^[A-Z]+_INVALID$/) })
      }
    })
  )
})
