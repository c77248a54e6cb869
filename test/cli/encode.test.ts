import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readNouns } from '../../examples/reverse-dictionary/wordnet.mjs'
import { writeNpz } from '../../src/cli/npz.ts'
import { formatLine, parseLine } from '../../src/cli/vector-lines.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'
import { jsonLines, runCli, startCli } from './run-cli.ts'

interface Line {
  readonly _id: string
  readonly indices: number[]
  readonly values: number[]
}

const documents = [
  { _id: 'harbour', text: 'The harbour master counts the boats at dusk.' },
  { _id: 'empty', text: '' },
  { _id: 'bread', title: 'Bread', text: 'Flour, water, salt and time.' },
  { _id: '“ключ”\u2028', text: 'A key that is not ASCII, and has a line separator.' },
  { _id: 'long', text: 'lighthouse '.repeat(300) },
  { _id: '7', text: 'Rain fell on the slate roofs.' }
]
const readTexts = documents.map(({ title, text }) => (title ? `${title} ${text}` : text))
const keys = documents.map(({ _id }) => _id)

let folder: string
let corpus: string
let vectors: SparseVector[]
let encoder: SparseEncoder
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-encode-'))
  corpus = file('corpus.jsonl', toLines(documents))
  encoder = await SparseEncoder.load('splade-tiny')
  vectors = await encoder.encodeDocument(readTexts)
})
afterAll(async () => {
  await encoder.close()
  rmSync(folder, { recursive: true, force: true })
})

function toLines(objects: readonly unknown[]): string {
  return objects.map(object => `${JSON.stringify(object)}\n`).join('')
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function linesOf(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

function expectSame(lines: readonly Line[], from: readonly SparseVector[]): void {
  expect(lines.map(line => line.indices)).toEqual(from.map(vector => [...vector.terms]))
  lines.forEach((line, i) => {
    line.values.forEach((value, j) => {
      expect(Math.abs(value - from[i]!.weights[j]!)).toBeLessThan(1e-4)
    })
  })
}

describe('esplanade encode', () => {
  it('writes a line a text, in order, and what it did to stderr', async () => {
    const result = await runCli(['encode', corpus])
    expect(result.code).toBe(0)
    const lines = jsonLines<Line>(result)
    expect(lines.map(line => line._id)).toEqual(keys)
    expectSame(lines, vectors)
    expect(result.stderr).toMatch(/^6 texts, [\d,]+ tokens encoded in .* texts\/s/)
    expect(result.stderr).toContain('1 text longer than 256 tokens')
  })

  it('reads standard input, and keeps the heaviest terms that are asked for', async () => {
    const args = ['encode', '-', '--query', '--top-tokens', '4', '--min-weight', '0.5']
    const result = await runCli(args, { stdin: toLines(documents) })
    const pruned = await encoder.encodeQuery(readTexts, { topTokens: 4, minWeight: 0.5 })
    expectSame(jsonLines<Line>(result), pruned)
    expect(result.code).toBe(0)
  })

  it('writes the lines of Anserini', async () => {
    const to = join(folder, 'anserini.jsonl')
    expect((await runCli(['encode', corpus, '--format', 'anserini', '--to', to])).code).toBe(0)
    const lines = linesOf(to) as unknown as {
      id: string
      contents: string
      vector: Record<string, number>
    }[]
    expect(lines.map(({ id, contents }) => [id, contents])).toEqual(
      keys.map((key, i) => [key, readTexts[i]])
    )
    lines.forEach(({ vector }, i) => {
      const expected = encoder
        .decode(vectors[i]!)
        .map(({ term, weight }) => [term, Math.round(100 * weight)] as const)
        .filter(([, impact]) => impact > 0)
      expect(vector).toEqual(Object.fromEntries(expected))
    })
  })

  it('gives every record to one shard', async () => {
    const shards = []
    for (const shard of ['1/2', '2/2']) {
      shards.push(jsonLines<Line>(await runCli(['encode', corpus, '--shard', shard])))
    }
    expect(shards.map(lines => lines.map(line => line._id))).toEqual([
      keys.filter((_, i) => i % 2 === 0),
      keys.filter((_, i) => i % 2 === 1)
    ])
  })

  it.each([
    [['--precision', 'float16'], 'Allowed choices are float32, mixed, int8'],
    [['--workers', '-1'], 'whole number from 0'],
    [['--format', 'npz'], 'Name it with --to'],
    [['--resume'], 'Name it with --to'],
    [['--shard', '3/2'], 'i from 1 to n'],
    [['--shard', '0/2'], 'i from 1 to n'],
    [['--top-tokens', '0'], 'whole number from 1'],
    [['--max-tokens', '100000'], '512']
  ])('refuses %j', async (options, remedy) => {
    const result = await runCli(['encode', corpus, ...options])
    expect(result).toMatchObject({ code: 2, stdout: '' })
    expect(result.stderr).toContain(remedy)
  })
})

describe('bad input', () => {
  const bad = [
    { _id: 'a', text: 'A good line.' },
    'no object',
    { _id: 'a', text: 'The same key again.' },
    { text: 'No key.' },
    { _id: 'v', indices: [3], values: [1] },
    { _id: 'b', text: 'Another good line.' }
  ]

  it('reports each bad line with its place, goes on, and exits with 1', async () => {
    const path = file('bad.jsonl', toLines(bad))
    const result = await runCli(['encode', path])
    expect(result.code).toBe(1)
    expect(jsonLines<Line>(result).map(line => line._id)).toEqual(['a', 'b'])
    for (const line of [2, 3, 4, 5]) expect(result.stderr).toContain(`skipped ${path}:${line}: `)
    expect(result.stderr).toContain('[DUPLICATE_KEY]')
    expect(result.stderr).toContain('4 records skipped')
  })

  it('stops at the first with --strict, before anything is written', async () => {
    const path = file('strict.jsonl', toLines([...documents, ...bad]))
    const to = join(folder, 'strict-vectors.jsonl')
    const result = await runCli(['encode', path, '--to', to, '--strict'])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(`${path}:8: `)
    const stdin = await runCli(['encode', '-', '--strict', '--to', to], { stdin: toLines(bad) })
    expect(stdin.code).toBe(1)
    expect(stdin.stderr).toContain('stdin:2: ')
    expect(readdirSync(folder).filter(name => name.startsWith('strict-vectors'))).toEqual([])
  })

  it('leaves nothing where the input or the output cannot be', async () => {
    const to = join(folder, 'nothing.jsonl')
    const noInput = await runCli(['encode', join(folder, 'missing.jsonl'), '--to', to])
    expect(noInput.code).toBe(1)
    expect(noInput.stderr).toContain('[FILE_NOT_FOUND]')
    expect(existsSync(`${to}.partial`)).toBe(false)
    const noFolder = await runCli(['encode', corpus, '--to', join(folder, 'no/such/v.jsonl')])
    expect(noFolder.code).toBe(1)
    expect(noFolder.stderr).toContain('[FILE_UNWRITABLE]')
    mkdirSync(join(folder, 'taken'))
    const taken = await runCli(['encode', corpus, '--to', join(folder, 'taken')])
    expect(taken.code).toBe(1)
    expect(taken.stderr).toContain('it is a folder')
    expect(existsSync(join(folder, 'taken.partial'))).toBe(false)
  })
})

describe('--resume', () => {
  /** What an interrupted run leaves: some lines, the last of them torn. */
  function interrupted(name: string, numLines: number): string {
    const whole = keys.map((key, i) =>
      formatLine('jsonl', { key, text: readTexts[i]!, vector: vectors[i]! }, String)
    )
    const to = join(folder, name)
    const left = whole.slice(0, numLines).map(line => `${line}\n`)
    writeFileSync(`${to}.partial`, left.join('') + whole[numLines]!.slice(0, 20))
    return to
  }

  it.each([0, 4])('continues after %i lines: no text twice, none lost', async numLines => {
    const to = interrupted(`resumed-${numLines}.jsonl`, numLines)
    const resumed = await runCli(['encode', corpus, '--to', to, '--resume'])
    expect(resumed.code).toBe(0)
    expect(resumed.stderr).toContain(`${6 - numLines} text`)
    expect(linesOf(to).map(line => line._id)).toEqual(keys)
    expectSame(linesOf(to), vectors)
    expect(existsSync(`${to}.partial`)).toBe(false)
  })

  it('is asked for where an earlier run left its work', async () => {
    const to = interrupted('left.jsonl', 2)
    const refused = await runCli(['encode', corpus, '--to', to])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('Continue it with --resume')
    expect(readFileSync(`${to}.partial`, 'utf8').split('\n')).toHaveLength(3)
  })

  it.each([
    ['another input', ['--shard', '2/2'], 'it holds'],
    ['other options', ['--top-tokens', '5'], 'another one now'],
    ['another format', ['--format', 'anserini'], 'no line of the format']
  ])('refuses %s and keeps the work', async (name, options, problem) => {
    const to = interrupted(`${name}.jsonl`, 3)
    const result = await runCli(['encode', corpus, '--to', to, '--resume', ...options])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain(problem)
    expect(result.stderr).not.toContain('the same command')
    expect(linesOf(`${to}.partial`)).toHaveLength(3)
  })

  it.skipIf(process.platform === 'win32')('continues what Ctrl-C stopped', async () => {
    const many: { _id: string; text: string }[] = []
    for (const { _id, text } of readNouns()) if (many.push({ _id, text }) === 1200) break
    const to = join(folder, 'stopped.jsonl')
    // Standard input stays open, as if more were to come.
    const { child, finished } = startCli(['encode', '-', '--to', to])
    child.stdin!.write(toLines(many))
    while (!existsSync(`${to}.partial`) || statSync(`${to}.partial`).size === 0) await sleep(20)
    const stopped = performance.now()
    child.kill('SIGINT')
    const result = await finished
    expect(performance.now() - stopped).toBeLessThan(1000)
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('--resume')
    const numLeft = linesOf(`${to}.partial`).length
    expect(numLeft).toBeLessThan(many.length)
    const stdin = toLines(many)
    expect((await runCli(['encode', '-', '--to', to, '--resume'], { stdin })).code).toBe(0)
    expect(linesOf(to).map(line => line._id)).toEqual(many.map(({ _id }) => _id))
  })
})

describe('--format npz', () => {
  const arrays = {
    '<i4': Int32Array,
    '<i8': BigInt64Array,
    '<f4': Float32Array,
    U: Uint32Array
  } as const

  interface NpyArray {
    readonly shape: string
    readonly values: readonly (number | bigint)[]
  }

  /** Reads the arrays of an `.npz`: header by header, as numpy's format 1.0 has it. */
  function readNpz(path: string): Record<string, NpyArray> {
    const entries = Object.entries(unzipSync(readFileSync(path))).map(([name, bytes]) => {
      expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
      const length = 10 + bytes[8]! + 256 * bytes[9]!
      expect(length % 64).toBe(0)
      const header = new TextDecoder().decode(bytes.subarray(10, length))
      const [, type, shape] = /'descr': '([^']+)', .*'shape': \(([^)]*)\)/.exec(header)!
      const kind = type!.startsWith('<U') ? 'U' : type!
      const ArrayType = kind === '|S3' ? Uint8Array : arrays[kind as keyof typeof arrays]
      const values = new ArrayType(bytes.slice(length).buffer)
      return [name, { shape: shape!, values: [...values] }] as const
    })
    return Object.fromEntries(entries)
  }

  it('writes the matrix in the layout of scipy, with its keys', async () => {
    const to = join(folder, 'matrix.npz')
    const { code } = await runCli(['encode', corpus, '--format', 'npz', '--to', to])
    expect(code).toBe(0)
    const npz = readNpz(to)
    const total = vectors.reduce((sum, vector) => sum + vector.terms.length, 0)
    expect(npz['shape.npy']!.values).toEqual([6n, 30522n])
    expect(npz['format.npy']).toEqual({ shape: '', values: [...Buffer.from('csr')] })
    const ends = npz['indptr.npy']!.values.map(Number)
    expect([ends.length, ends[0], ends[6]]).toEqual([7, 0, total])
    expect(npz['data.npy']!.shape).toBe(`${total},`)
    const lines = keys.map((_id, i) => ({
      _id,
      indices: npz['indices.npy']!.values.slice(ends[i]!, ends[i + 1]!).map(Number),
      values: npz['data.npy']!.values.slice(ends[i]!, ends[i + 1]!).map(Number)
    }))
    expectSame(lines, vectors)
    const points = npz['keys.npy']!.values.map(Number)
    const width = points.length / 6
    const found = keys.map((_, i) =>
      String.fromCodePoint(...points.slice(i * width, (i + 1) * width).filter(point => point > 0))
    )
    expect(found).toEqual(keys)
    expect(readdirSync(folder).filter(name => name.startsWith('matrix'))).toEqual(['matrix.npz'])
  })

  it('writes an empty matrix, and none where its rows fail', async () => {
    const to = join(folder, 'empty.npz')
    await writeNpz(to, async function* () {}, 10)
    expect(readNpz(to)['shape.npy']!.values).toEqual([0n, 10n])
    expect(readNpz(to)['indptr.npy']!.values).toEqual([0])
    let numCalls = 0
    const failing = async function* () {
      yield { key: 'a', indices: [1], values: [1] }
      // The rows are read again for each array.
      if (++numCalls === 3) throw new Error('the disk is gone')
    }
    const failed = join(folder, 'failed.npz')
    await expect(writeNpz(failed, failing, 10)).rejects.toThrow('the disk is gone')
    expect(readdirSync(folder).filter(name => name.startsWith('failed'))).toEqual([])
  })
})

describe('a line', () => {
  const termOf = (termId: number) => `term${termId}`
  const weight = fc
    .float({ min: Math.fround(1e-30), max: Math.fround(1e30), noNaN: true })
    .filter(value => value > 0)
  const vector = fc
    .uniqueArray(fc.tuple(fc.nat(40_000), weight), { selector: ([termId]) => termId })
    .map(entries => entries.sort(([a], [b]) => a - b))

  it('gives back every float32 and every key exactly', () => {
    fc.assert(
      fc.property(vector, fc.string({ unit: 'grapheme' }), (entries, key) => {
        const terms = Uint32Array.from(entries, ([termId]) => termId)
        const weights = Float32Array.from(entries, ([, value]) => value)
        const line = formatLine('jsonl', { key, text: '', vector: { terms, weights } }, termOf)
        const read = parseLine('jsonl', line, 'here')
        expect(read.key).toBe(key)
        expect([...read.weights.keys()]).toEqual([...terms])
        expect(Float32Array.from(read.weights.values())).toEqual(weights)
      })
    )
  })

  it('leaves out of Anserini’s what rounds to 0', () => {
    const terms = Uint32Array.of(1, 2, 3)
    const weights = Float32Array.of(0.004, 0.006, 2.5)
    const line = formatLine('anserini', { key: 'k', text: 't', vector: { terms, weights } }, termOf)
    expect(line).toBe('{"id":"k","contents":"t","vector":{"term2":1,"term3":250}}')
  })
})
