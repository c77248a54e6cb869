import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'esplanade'
import { describe, expect, it } from 'vitest'
import { cliFolder, harbour, indexHarbour, lines } from './cli-folder.ts'
import { runCli } from './run-cli.ts'

const { at, write } = cliFolder(indexHarbour)
const summaryOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout)
const index = (file: string, to: string, ...args: string[]) =>
  runCli(['index', at(file), '--to', at(to), '--json', ...args])
const keysIn = async (directory: string, namespace = '') => {
  await using collection = await open(at(directory), { readOnly: true })
  return (await collection.list({ namespace })).keys
}

describe('index into a collection that is there', () => {
  it('takes only what changed: texts and metadata', async () => {
    const again = await index('harbour.jsonl', 'harbour')
    expect(again.code).toBe(0)
    expect(summaryOf(again)).toMatchObject({ numWritten: 0, numUnchanged: 3, numDocuments: 3 })
    write(
      'changed.jsonl',
      harbour.replace('1999', '2001').replace('{"_id":"tides"', '{"_id":"ebb"')
    )
    const changed = summaryOf(await index('changed.jsonl', 'harbour'))
    expect(changed).toMatchObject({
      numWritten: 2,
      numUnchanged: 1,
      numDocuments: 4,
      numDeleted: 0
    })
    expect(await keysIn('harbour')).toEqual(['ebb', 'gulls', 'knots', 'tides'])
  })

  it('--prune deletes what the input does not have, of its namespace only', async () => {
    await index('harbour.jsonl', 'harbour', '--namespace', 'other')
    write('two.jsonl', lines({ _id: 'gulls', text: 'Gulls.' }, { _id: 'new', text: 'New.' }))
    const pruned = summaryOf(await index('two.jsonl', 'harbour', '--prune'))
    expect(pruned).toMatchObject({ numWritten: 2, numDeleted: 3 })
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
    expect(await keysIn('harbour', 'other')).toHaveLength(3)
  })

  it('prunes nothing where it cannot know what is gone', async () => {
    write('bad.jsonl', `${lines({ _id: 'new', text: 'New.' })}not json\n`)
    const skipped = await index('bad.jsonl', 'harbour', '--prune')
    expect(skipped).toMatchObject({ code: 1 })
    expect(skipped.stderr).toContain('nothing was pruned, because records were skipped')
    write('none.jsonl', '')
    const empty = await index('none.jsonl', 'harbour', '--prune')
    expect(empty.stderr).toContain('nothing was pruned, because the input holds no documents')
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
  })

  it('vectors that changed are taken, too', async () => {
    const args = ['--model', 'none'] as const
    write('v.jsonl', lines({ _id: 'a', indices: [1, 2], values: [1, 2] }))
    await index('v.jsonl', 'vectors', ...args)
    expect(summaryOf(await index('v.jsonl', 'vectors', ...args))).toMatchObject({ numWritten: 0 })
    write('v.jsonl', lines({ _id: 'a', indices: [1, 2], values: [1, 2.5] }))
    expect(summaryOf(await index('v.jsonl', 'vectors'))).toMatchObject({ numWritten: 1 })
  })

  it.each([
    [['--model', 'none'], 'no model was asked for'],
    [['--metric', 'cosine'], 'metric dot'],
    [['--max-tokens', '128'], 'another limit of tokens'],
    [['--top-tokens', '5'], 'topTokens not set']
  ])('%j, which it was not made with, is refused', async (args, message) => {
    const { code, stderr } = await index('harbour.jsonl', 'harbour', ...args)
    expect(code).toBe(1)
    expect(stderr).toContain(message)
    expect(stderr).toContain('COLLECTION_MISMATCH')
  })

  it('a bad record among good ones takes nothing away; --strict writes nothing', async () => {
    write('worse.jsonl', `${lines({ _id: 'worse', text: 'x' })}not json\n`)
    const strict = await index('worse.jsonl', 'harbour', '--strict')
    expect(strict.code).toBe(1)
    expect(strict.stderr).toContain('worse.jsonl:2')
    const stdin = readFileSync(at('worse.jsonl'))
    const piped = await runCli(['index', '-', '--to', at('harbour'), '--strict'], { stdin })
    expect(piped.code).toBe(1)
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
    write('only-bad.jsonl', '{"text": "no key"}\n')
    const none = await index('only-bad.jsonl', 'harbour')
    expect(none.stderr).toContain('not one of 1 records could be indexed')
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
  })

  it('while another process writes it is refused, and told by whom', async () => {
    await using _writer = await open(at('harbour'))
    const { code, stderr } = await index('harbour.jsonl', 'harbour')
    expect(code).toBe(1)
    expect(stderr).toContain(`pid ${process.pid}`)
    // Searching is no writing.
    expect((await runCli(['search', at('harbour'), 'gulls'])).code).toBe(0)
  })
})

describe('index --overwrite', () => {
  it('replaces the whole collection, with other settings, too', async () => {
    const args = ['--overwrite', '--metric', 'cosine'] as const
    expect(await index('two.jsonl', 'harbour', ...args)).toMatchObject({ code: 0 })
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
    expect(await keysIn('harbour', 'other')).toEqual([])
    expect(readdirSync(at()).filter(name => name.includes('partial'))).toEqual([])
  })

  it('leaves what is there when it fails, and what is no collection always', async () => {
    const failed = await index('only-bad.jsonl', 'harbour', '--overwrite')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('nothing of it was replaced')
    expect(await keysIn('harbour')).toEqual(['gulls', 'new'])
    mkdirSync(at('precious'))
    writeFileSync(at('precious', 'thesis.txt'), 'years of work')
    for (const args of [[], ['--overwrite']]) {
      const refused = await index('two.jsonl', 'precious', ...args)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('COLLECTION_EXISTS')
    }
    expect(readFileSync(at('precious', 'thesis.txt'), 'utf8')).toBe('years of work')
    // The name of a folder of ours does not make it ours.
    mkdirSync(at('photos', 'g1'), { recursive: true })
    writeFileSync(at('photos', 'g1', 'sea.jpg'), 'x')
    for (const args of [[], ['--overwrite']]) {
      const refused = await index('two.jsonl', 'photos', ...args)
      expect(refused.stderr).toContain('COLLECTION_EXISTS')
    }
    expect(readdirSync(at('photos', 'g1'))).toEqual(['sea.jpg'])
    writeFileSync(at('harbour', 'notes.txt'), 'mine')
    const shared = await index('two.jsonl', 'harbour', '--overwrite')
    expect(shared.stderr).toContain('notes.txt')
    expect(existsSync(at('harbour', 'notes.txt'))).toBe(true)
    rmSync(at('harbour', 'notes.txt'))
    expect(readdirSync(at()).filter(name => name.includes('partial'))).toEqual([])
  })

  it('removes what a killed one left, and replaces an index of version 0.1', async () => {
    // No process has this id: it is above the largest that Linux gives out.
    mkdirSync(at('old.partial-4194999'))
    mkdirSync(at('old'))
    writeFileSync(at('old', 'manifest.json'), '{"format": "esplanade-index", "version": 0}')
    writeFileSync(at('old', 'vectors.esp'), '')
    const refused = await index('two.jsonl', 'old')
    expect(refused.stderr).toContain('COLLECTION_VERSION')
    expect((await index('two.jsonl', 'old', '--overwrite')).code).toBe(0)
    expect(await keysIn('old')).toEqual(['gulls', 'new'])
    expect(readdirSync(at()).filter(name => name.includes('partial'))).toEqual([])
  })
})
