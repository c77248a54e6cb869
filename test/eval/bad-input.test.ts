import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { evaluate, type Report } from '../../src/eval/evaluate.ts'
import { type Qrels, readQrels } from '../../src/eval/qrels.ts'
import { type Run, readRun } from '../../src/eval/run.ts'
import { readTopics } from '../../src/eval/topics.ts'
import { cliFolder } from '../cli/cli-folder.ts'
import { type CliResult, runCli } from '../cli/run-cli.ts'

/**
 * Input that is wrong, or odd: for each kind either an error that says where, or the figures of
 * trec_eval -c and a word on standard error; never a 0 without one. By the library and at the command
 * line. The table "Conventions" in docs/evaluation.md says the same.
 */

const { at, write } = cliFolder()

const RUN = ['q1 Q0 a 1 2.0 t', 'q1 Q0 b 2 1.0 t', 'q2 Q0 a 1 1.0 t']
const QRELS = ['q1 0 a 1', 'q1 0 b 0', 'q2 0 a 1']
const TOPICS = ['q1\twhat moves the sea', 'q2\trope']

interface Files {
  readonly run?: readonly string[]
  readonly qrels?: readonly string[]
  readonly topics?: readonly string[]
}

let numFiles = 0
/** Writes the files of a case under names of their own. */
function written({ run = RUN, qrels = QRELS, topics = TOPICS }: Files) {
  const name = `case-${++numFiles}`
  const file = (kind: string, lines: readonly string[]) =>
    write(`${name}.${kind}`, lines.map(line => `${line}\n`).join(''))
  return {
    ...{ name, run: file('trec', run), qrels: file('qrels', qrels) },
    topics: file('topics', topics)
  }
}

const evalCli = ({ run, qrels }: { run: string; qrels: string }, ...rest: string[]) =>
  runCli(['eval', run, '--qrels', qrels, '--metrics', 'RR', ...rest])

/** Runs a command, and a good run beside the one in question. */
function compareCli(files: ReturnType<typeof written>): Promise<CliResult> {
  const good = write(`good-${files.name}.trec`, `${RUN.join('\n')}\n`)
  const { run, qrels, topics } = files
  return runCli(['compare', good, run, '--qrels', qrels, '--topics', topics, '--metrics', 'RR'])
}

interface Refused extends Files {
  readonly name: string
  readonly code: ErrorCode
  /** Which file is named, and after it the line. */
  readonly place: `${'trec' | 'qrels' | 'topics'}${'' | `:${number}` | `, query "${string}"`}`
  readonly says: RegExp
}

const RUNS: readonly Refused[] = (
  [
    ['a document twice for a query', [...RUN, 'q1 Q0 a 3 0.5 t'], 'trec:4', /"a" stands twice/],
    ['a score that is NaN', ['q1 Q0 a 1 NaN t'], 'trec:1', /score "NaN" is not a number/],
    ['a score that is infinite', ['q1 Q0 a 1 inf t'], 'trec:1', /score "inf" is not a number/],
    ['a score that is a word', ['q1 Q0 a 1 high t'], 'trec:1', /score "high" is not a number/],
    ['a run without its tag', [...RUN, 'q2 Q0 b 2 0.5'], 'trec:4', /has 5 columns/],
    ['a key of two words', ['q1 Q0 new york 1 0.5 t'], 'trec:1', /has 7 columns/],
    ['a run in tabs of two columns', ['q1\ta'], 'trec:1', /has 2 columns/],
    ['a run without hits', [], 'trec', /no hit for any query/],
    ['a run of comments', ['# nothing was found'], 'trec', /no hit for any query/],
    ['a run of other queries', ['x7 Q0 a 1 1 t'], 'trec', /none of its 1 queries is judged/]
  ] as const
).map(([name, run, place, says]) => ({ name, run, place, says, code: 'RUN_INVALID' }))

const JUDGEMENTS: readonly Refused[] = (
  [
    ['a document judged twice', [...QRELS, 'q1 0 a 0'], 'qrels:4', /judged twice for query "q1"/],
    ['judged twice, alike', [...QRELS, 'q1 0 a 1'], 'qrels:4', /judged twice for query "q1"/],
    ['a grade with a fraction', ['q1 0 a 1.5'], 'qrels:1', /grade "1\.5" is not an integer/],
    ['a grade that is a word', ['q1 0 a high'], 'qrels:1', /grade "high" is not an integer/],
    ['judgements of three columns', ['q1 a 1'], 'qrels:1', /has 3 columns/],
    ['BEIR judgements of two columns', ['query-id\tcorpus-id\tscore', 'q1\ta'], 'qrels:2', /has 2/],
    ['a run in place of judgements', RUN, 'qrels:1', /has 6 columns/],
    ['no judgement', [], 'qrels', /there is no judgement/],
    ['a header alone', ['query-id\tcorpus-id\tscore'], 'qrels', /there is no judgement/]
  ] as const
).map(([name, qrels, place, says]) => ({ name, qrels, place, says, code: 'QRELS_INVALID' }))

const QUERIES: readonly Refused[] = (
  [
    ['a topic without a text', ['{"_id": "q1"}'], 'topics:1', /"text" of query "q1" is missing/],
    ['a topic whose text is null', ['{"_id": "q1", "text": null}'], 'topics:1', /is missing/],
    ['a line without a text column', [...TOPICS, 'q3'], 'topics:3', /1 tab-separated column/],
    ['a topic without a title', ['<top>', '<num> 1', '</top>'], 'topics:1', /no title/],
    ['a topic twice', [...TOPICS, 'q1\tagain'], 'topics:3', /"q1" stands twice/],
    ['no topic', [], 'topics', /there is no query/],
    ['topics of other queries', ['x7\trope'], 'topics', /none of its 1 queries is judged/]
  ] as const
).map(([name, topics, place, says]) => ({ name, topics, place, says, code: 'TOPICS_INVALID' }))

/** Reads and judges as a program does, with the names of files as places. */
async function judge({ run = RUN, qrels = QRELS, topics = TOPICS }: Files): Promise<Report> {
  await readTopics(topics, { place: 'topics' })
  const read = await readRun(run, { place: 'trec' })
  return evaluate(read, await readQrels(qrels, { place: 'qrels' }), ['RR'])
}

describe('an error of the library:', () => {
  // The library knows a run and judgements, not their files, and never sees topics beside them.
  const known = [...RUNS, ...JUDGEMENTS, ...QUERIES].filter(
    ({ says }) => !/is judged/.test(says.source)
  )
  test.each(known)('$name', async ({ code, place, says, ...files }) => {
    const [kind = '', line] = place.split(':')
    await expect(judge(files)).rejects.toMatchObject({
      code,
      place: line === undefined && kind === 'trec' ? 'run' : place,
      problem: expect.stringMatching(says)
    })
  })

  const hit = (key: string, score: number) => ({ key, score })
  const qrelsOf = (grade: number): Qrels => new Map([['q1', new Map([['a', grade]])]])
  const runOf = (...scores: number[]): Run =>
    new Map([['q1', scores.map((score, i) => hit('abc'[i]!, score))]])
  test.each<[string, Run, Qrels, ErrorCode, string]>([
    ['a score of NaN', runOf(1, NaN), qrelsOf(1), 'RUN_INVALID', 'score of document "b" is NaN'],
    ['an infinite score', runOf(Infinity), qrelsOf(1), 'RUN_INVALID', '"a" is Infinity'],
    ['a grade of NaN', runOf(1), qrelsOf(NaN), 'QRELS_INVALID', 'grade of document "a" is NaN'],
    ['half a grade', runOf(1), qrelsOf(0.5), 'QRELS_INVALID', 'grade of document "a" is 0.5'],
    [
      'a document twice',
      new Map([['q1', [hit('a', 2), hit('a', 1)]]]),
      qrelsOf(1),
      'RUN_INVALID',
      '"a" stands twice'
    ],
    ['no common query', new Map([['x', [hit('a', 1)]]]), qrelsOf(1), 'RUN_INVALID', 'is judged'],
    ['no run', new Map(), qrelsOf(1), 'RUN_INVALID', 'no hit for any query'],
    ['no judgement', runOf(1), new Map(), 'QRELS_INVALID', 'there is no judgement']
  ])('%s, handed in by a program', (_, run, qrels, code, problem) => {
    expect(() => evaluate(run, qrels, ['RR'])).toThrow(
      expect.objectContaining({ code, problem: expect.stringContaining(problem) })
    )
  })
})

/** The command failed with this error, of this file, and printed no figure. */
function expectRefused(
  result: CliResult,
  { name, code, place, says }: Refused,
  file: string
): void {
  expect(result, name).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr, name).toMatch(says)
  expect(result.stderr, name).toContain(`${at(`${file}.${place}`)}: `)
  expect(result.stderr, name).toContain(`[${code}]`)
}

describe('an error at the command line, which names the file:', () => {
  test.each([...RUNS, ...JUDGEMENTS])('eval: $name', async refused => {
    const files = written(refused)
    expectRefused(await evalCli(files), refused, files.name)
  })

  const bounds = (cases: readonly Refused[]) => [cases[0]!, ...cases.slice(-2)]
  const some = [RUNS[0]!, ...RUNS.slice(-1), ...JUDGEMENTS.slice(-1), ...bounds(QUERIES)]
  test.each(some)('compare: $name', async refused => {
    const files = written(refused)
    expectRefused(await compareCli(files), refused, files.name)
  })

  // To run, topics of other queries are as good as any.
  test.each(bounds(QUERIES).slice(0, 2))('run: $name', async refused => {
    const files = written(refused)
    // The topics are read before the collection is looked for.
    const result = await runCli(['run', at('no-collection'), files.topics])
    expectRefused(result, refused, files.name)
  })
})

interface Convention {
  readonly name: string
  readonly qrels: readonly string[]
  readonly run: readonly string[]
  /** By metric, four digits. */
  readonly expected: Readonly<Record<string, number>>
}

const conventions: readonly Convention[] = JSON.parse(
  readFileSync(new URL('../golden/eval-conventions.json', import.meta.url), 'utf8')
)

/** What is said beside the figures of a case; nothing for those that need no word. */
const WORDS: Readonly<Record<string, RegExp>> = {
  'a judged query that the run lacks':
    /2 queries without hits in the run; each counts 0 \(q2, q3\)/,
  'a query of the run without judgements': /1 query of the run without judgements, left out \(q9\)/,
  'a judged query without a relevant document':
    /1 query without a relevant document; each counts 0 \(q2\)/,
  'hits without a judgement': /the run is not sorted by them/,
  'no hit is judged':
    /no hit is judged: every figure is 0\. Are the keys those of the judgements\?/,
  'scores that tie': /scores tie, or the run is not sorted by them/,
  'scores of all signs and spellings': /the run is not sorted by them/
}

describe('the figures of trec_eval -c:', () => {
  test.each(conventions)('$name', async ({ run, qrels, expected }) => {
    const read = await readRun(run)
    const judged = await readQrels(qrels)
    for (const order of ['float32', 'float64'] as const) {
      const { means } = evaluate(read, judged, Object.keys(expected), { order })
      for (const [metric, value] of Object.entries(expected)) {
        expect(Math.abs(means[metric]! - value), `${metric} by ${order}`).toBeLessThan(0.5001e-4)
      }
    }
  })

  const some = conventions.filter(({ name }) => name in WORDS || /grades|k beyond/.test(name))
  test.each(some)('eval, with a word where one is due: $name', async one => {
    const { code, stdout, stderr } = await evalCli(written(one), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).RR).toBeCloseTo(one.expected.RR!, 4)
    const word = WORDS[one.name]
    if (word === undefined) expect(stderr).toBe('')
    else expect(stderr).toMatch(word)
  })

  test('every case that has a word is a case', () => {
    const names = conventions.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(Object.keys(WORDS)))
  })
})

// trec_eval 10.0 ends with an error for such a query ("Can't calculate measure").
test('a query of negative grades alone counts 0, and is named', async () => {
  const report = await judge({ qrels: ['q1 0 a -1', 'q1 0 b -2', 'q2 0 a 1'] })
  expect(report.means).toEqual({ RR: 0.5 })
  expect(report.unanswerableQueryIds).toEqual(['q1'])
})

test('a query without judgements that a program hands in counts 0, and is named', () => {
  const qrels: Qrels = new Map([
    ['q1', new Map()],
    ['q2', new Map([['a', 1]])]
  ])
  const run: Run = new Map(['q1', 'q2'].map(id => [id, [{ key: 'a', score: 1 }]]))
  const metrics = ['nDCG@10', "nDCG(dcg='exp-log2')@10", 'AP', 'R@5', 'Rprec', 'Bpref', 'RBP']
  const report = evaluate(run, qrels, metrics)
  for (const metric of report.metrics) {
    expect(report.perQuery[metric]![0], metric).toBe(0)
    expect(report.perQuery[metric]![1], metric).toBeGreaterThan(0)
  }
  expect(report.unanswerableQueryIds).toEqual(['q1'])
})

test('run says which topics have no text', async () => {
  const corpus = write('corpus.jsonl', '{"_id": "a", "indices": [1], "values": [1]}\n')
  await runCli(['index', corpus, '--to', at('vectors'), '--model', 'none'])
  const { topics } = written({ topics: ['q1\tsea', 'q2\t ', 'q3\t'] })
  const { stderr } = await runCli(['run', at('vectors'), topics])
  expect(stderr).toContain('note: 2 queries without a text, searched like any other (q2, q3)\n')
})

test('compare says which run lacks a query, and which texts are missing', async () => {
  const files = written({ run: RUN.slice(0, 2), topics: ['q1\t', 'q3\trope'] })
  const { code, stdout } = await compareCli(files)
  expect(code).toBe(0)
  expect(stdout).toContain(`${files.name}: 1 query without hits in the run; each counts 0 (q2)`)
  expect(stdout).toContain('The topics lack 1 query of the judgements.')
  expect(stdout).toContain('The topics have no text for 1 query of the judgements.')
})
