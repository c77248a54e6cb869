import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CorpusOptions, openCorpus, readCorpus } from '../../src/node/corpus-files.ts'
import { sharedMissing, sharedPath } from '../shared.ts'
import { collect, documentsOf, errorsOf } from './readers.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'esplanade-corpus-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function write(path: string, content: string | Uint8Array): Promise<string> {
  const full = join(root, path)
  await mkdir(dirname(full), { recursive: true })
  await writeFile(full, content)
  return full
}

const keysOf = async (inputs: string[], options?: CorpusOptions): Promise<string[]> =>
  documentsOf(await collect(readCorpus(inputs, options))).map(document => document.key)

const openError = (inputs: string[]): Promise<unknown> =>
  openCorpus(inputs).then(
    () => undefined,
    error => error
  )

const isRoot = process.getuid?.() === 0
const isWindows = process.platform === 'win32'

describe('the inputs of a corpus', () => {
  it('are BEIR folders, line files, packed ones, and page files, in the order given', async () => {
    await write(
      'beir/corpus.jsonl',
      '{"_id":"b1","title":"T","text":"x"}\n{"_id":"b2","text":""}\n'
    )
    await write('beir/queries.jsonl', '{"_id":"q1","text":"not a document"}\n')
    await write('beir/README.md', 'not a document either')
    const inputs = [
      join(root, 'beir'),
      await write('a.JSONL', '{"_id":"j1","text":"x"}'),
      await write('a.jsonl.gz', gzipSync('{"_id":"z1","text":"x"}\n')),
      await write('a.csv', 'id,text\nc1,x\n'),
      await write('a.tsv', 'id\ttext\nt1\tx\n'),
      await write('page.html', '<p>x'),
      '-'
    ]
    const stdin = Readable.from([Buffer.from('{"_id":"s1",'), Buffer.from('"text":"x"}')])
    expect(await keysOf(inputs, { stdin })).toEqual([
      'b1',
      'b2',
      'j1',
      'z1',
      'c1',
      't1',
      'page.html',
      's1'
    ])
  })

  it('tell how many bytes there are and how many have been read', async () => {
    const packed = gzipSync('{"_id":"z","text":"packed"}\n'.repeat(100))
    const inputs = [
      await write('a.jsonl.gz', packed),
      await write('b/c.txt', 'text'),
      await write('b.csv', 'id,text\n1,x\n')
    ]
    const corpus = await openCorpus(inputs)
    expect(corpus.totalBytes).toBe(packed.length + 4 + 12)
    expect(corpus.bytesRead).toBe(0)
    expect(await collect(corpus)).toHaveLength(102)
    expect(corpus.bytesRead).toBe(corpus.totalBytes)
    expect((await openCorpus(['-'])).totalBytes).toBeUndefined()
  })

  it('may be folders: every page at every depth, sorted, with its path as key', async () => {
    await write('docs/b.md', '# B')
    await write('docs/a/z.txt', 'z')
    await write('docs/a/B.HTM', '<p>b')
    await write('docs/a.markdown', 'a')
    await write('docs/.hidden.md', 'no')
    await write('docs/.git/x.md', 'no')
    await write('docs/node_modules/p/README.md', 'no')
    await write('docs/picture.png', 'no')
    const corpus = await openCorpus([join(root, 'docs')])
    const records = await collect(corpus)
    expect(documentsOf(records).map(document => document.key)).toEqual([
      'a/B.HTM',
      'a/z.txt',
      'a.markdown',
      'b.md'
    ])
    expect(records.map(record => record.kind === 'document' && record.format)).toEqual([
      'html',
      'text',
      'markdown',
      'markdown'
    ])
    expect(corpus.numOtherFiles).toBe(1)
  })

  it.skipIf(isWindows)('do not follow links, neither in circles nor outside', async () => {
    await write('outside/secret.txt', 'no')
    await write('docs/a.txt', 'a')
    await symlink(join(root, 'outside'), join(root, 'docs/out'))
    await symlink(join(root, 'outside/secret.txt'), join(root, 'docs/secret.txt'))
    await symlink('..', join(root, 'docs/circle'))
    await symlink(join(root, 'docs'), join(root, 'link'))
    expect(await keysOf([join(root, 'docs')])).toEqual(['a.txt'])
    expect(await keysOf([join(root, 'link')])).toEqual(['a.txt'])
  })

  it('that cannot be read are known before anything is read', async () => {
    const good = await write('good.jsonl', '{"_id":"a","text":"x"}')
    const missing = join(root, 'missing.jsonl')
    expect(await openError([good, missing])).toMatchObject({
      code: 'FILE_NOT_FOUND',
      place: missing
    })
    expect(await openError([join(good, 'below.jsonl')])).toMatchObject({ code: 'FILE_NOT_FOUND' })
    const pdf = await write('paper.pdf', '%PDF')
    const unknown = (await openError([good, pdf])) as Error
    expect(unknown).toMatchObject({ code: 'INVALID_ARGUMENT', place: pdf })
    expect(unknown.message).toMatch(/"\.pdf".*\.jsonl.*\.md/)
    await mkdir(join(root, 'empty'))
    expect(await openError([join(root, 'empty')])).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await openError([])).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await openError(['-', '-'])).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it.skipIf(isRoot || isWindows)('without permission are named', async () => {
    const file = await write('a.jsonl', '{"_id":"a","text":"x"}')
    await write('docs/ok.txt', 'x')
    const page = await write('docs/no.txt', 'x')
    await chmod(file, 0)
    await chmod(page, 0)
    expect(await openError([file])).toMatchObject({ code: 'FILE_UNREADABLE', place: file })
    const records = await collect(readCorpus([join(root, 'docs')]))
    expect(errorsOf(records.slice(0, 1))[0]).toMatchObject({ code: 'FILE_UNREADABLE', place: page })
    expect(documentsOf(records.slice(1))).toHaveLength(1)
  })
})

describe('reading a corpus', () => {
  it('reports bad lines with file and line and reads on', async () => {
    const latin1 = Buffer.from('{"_id":"b","text":"caf\xe9"}\n', 'latin1')
    const file = await write(
      'a.jsonl',
      Buffer.concat([
        Buffer.from('{"_id":"a","text":"x"}\nnonsense\n'),
        latin1,
        Buffer.from(`{"_id":"long","text":"${'x'.repeat(3000)}"}\n{"_id":"c","text":"y"}\n`)
      ])
    )
    const records = await collect(readCorpus([file], { maxRecordBytes: 2000 }))
    expect(documentsOf([records[0]!, records[4]!]).map(document => document.key)).toEqual([
      'a',
      'c'
    ])
    expect(errorsOf(records.slice(1, 4)).map(({ code, place }) => [code, place])).toEqual([
      ['CORPUS_INVALID', `${file}:2`],
      ['CORPUS_INVALID', `${file}:3`],
      ['CORPUS_INVALID', `${file}:4`]
    ])
  })

  it('reports pages that are no text, or too large, and reads on', async () => {
    await write('docs/a.txt', Buffer.from([0xff, 0xfe, 0x61, 0x00]))
    await write('docs/b.txt', 'x'.repeat(200))
    await write('docs/c.txt', 'c')
    const records = await collect(readCorpus([join(root, 'docs')], { maxRecordBytes: 100 }))
    expect(errorsOf(records.slice(0, 2)).map(error => error.problem)).toEqual([
      'not valid UTF-8',
      'over 100 bytes'
    ])
    expect(documentsOf(records.slice(2))[0]!.text).toBe('c')
  })

  it('refuses an archive that is cut off or none', async () => {
    const whole = gzipSync('{"_id":"a","text":"x"}\n')
    for (const bytes of [whole.subarray(0, whole.length - 9), Buffer.from('plain')]) {
      const file = await write('a.jsonl.gz', bytes)
      await expect(collect(readCorpus([file]))).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        place: file
      })
    }
  })

  it('stops when it is told to, even while waiting for input', async () => {
    const file = await write('a.jsonl', '{"_id":"a","text":"x"}\n'.repeat(1000))
    const stopped = new AbortController()
    let numRead = 0
    const reading = (async () => {
      for await (const _ of readCorpus([file], { signal: stopped.signal })) {
        if (++numRead === 10) stopped.abort()
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' })
    expect(numRead).toBe(10)

    const waiting = new AbortController()
    const silent = new Readable({ read() {} })
    const stdin = collect(readCorpus(['-'], { stdin: silent, signal: waiting.signal }))
    setTimeout(() => waiting.abort(), 10)
    await expect(stdin).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('can be left early', async () => {
    const file = await write('a.jsonl.gz', gzipSync('{"_id":"a","text":"x"}\n'.repeat(10_000)))
    for await (const record of readCorpus([file])) {
      expect(record.kind).toBe('document')
      break
    }
  })
})

const scifact = sharedPath('data/beir/scifact')

describe('SciFact', () => {
  it.skipIf(scifact === undefined)(`has 5,183 documents (skips: ${sharedMissing})`, async () => {
    const documents = documentsOf(await collect(readCorpus([scifact!])))
    expect(documents).toHaveLength(5183)
    expect(new Set(documents.map(document => document.key)).size).toBe(5183)
    for (const { text, metadata } of documents) {
      expect(text.startsWith(`${metadata.title as string} `)).toBe(true)
    }
  })
})
