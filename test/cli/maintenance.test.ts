import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const { at, write } = cliFolder(async folder => {
  await indexHarbour(folder)
  await runCli([
    'index',
    folder.at('harbour.jsonl'),
    '--to',
    folder.at('harbour'),
    '--namespace',
    'b'
  ])
})
const json = async (...args: string[]) => {
  const result = await runCli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return jsonLines(result).at(-1)!
}
const numDocuments = async (directory: string) =>
  (await json('inspect', at(directory))).numDocuments

describe('backup and restore', () => {
  it('copy a collection, and put the copy in the place of a lost one', async () => {
    expect(await json('backup', at('harbour'), '--to', at('copy'))).toMatchObject({
      numDocuments: 6
    })
    const again = await runCli(['backup', at('harbour'), '--to', at('copy')])
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('COLLECTION_EXISTS')
    const restored = await runCli(['restore', at('copy'), '--to', at('restored')])
    expect(restored.stderr).toContain('6 documents restored')
    expect(await numDocuments('restored')).toBe(6)
    const taken = await runCli(['restore', at('copy'), '--to', at('restored')])
    expect(taken).toMatchObject({ code: 1 })
    expect(taken.stderr).toContain('--overwrite')
    const over = await runCli(['restore', at('copy'), '--to', at('restored'), '--overwrite'])
    expect(over.code).toBe(0)
    const [, aside] = /what was there is now in (\S+)/.exec(over.stderr)!
    expect(existsSync(aside!)).toBe(true)
  })
})

describe('export and import', () => {
  it('give back the same documents and vectors', async () => {
    expect((await runCli(['export', at('harbour'), '--to', at('all.jsonl')])).code).toBe(0)
    const exported = readFileSync(at('all.jsonl'), 'utf8')
    expect(exported.split('\n')).toHaveLength(7)
    const made = await json('import', at('all.jsonl'), '--to', at('imported'))
    expect(made).toMatchObject({ numWritten: 6 })
    expect((await runCli(['export', at('imported')])).stdout).toBe(exported)
    const one = await runCli(['export', at('imported'), '--namespace', 'b', '--no-vectors'])
    const [first, ...rest] = jsonLines(one)
    expect(rest).toHaveLength(2)
    expect(Object.keys(first!)).toEqual(['_id', 'namespace', 'text', 'metadata'])
  })

  it('a line that is none is named', async () => {
    const bad = write('bad.jsonl', '{"_id": "a", "text": 3}\n')
    const { code, stderr } = await runCli(['import', bad, '--to', at('bad')])
    expect(code).toBe(1)
    expect(stderr).toContain('bad.jsonl')
  })
})

describe('delete and compact', () => {
  it('delete by key, by filter, of one namespace', async () => {
    expect(await json('delete', at('restored'), 'tides', 'whales')).toEqual({
      numDeleted: 1,
      numMissing: 1
    })
    const filter = ['--filter', '{"year": {"$gt": 1900}}', '--namespace', 'b']
    expect(await json('delete', at('restored'), ...filter)).toMatchObject({ numDeleted: 2 })
    expect(await json('inspect', at('restored'))).toMatchObject({ namespaces: { '': 2, b: 1 } })
  })

  it.each([[[]], [['tides', '--filter', '{}']]])('delete %j is wrong usage', async args => {
    const { code, stderr } = await runCli(['delete', at('harbour'), ...args])
    expect(code).toBe(2)
    expect(stderr).toContain('--filter')
  })

  it('compact drops the dead', async () => {
    expect(await json('compact', at('restored'))).toMatchObject({ numSegments: 1 })
    expect(await json('inspect', at('restored'))).toMatchObject({ numDead: 0, numPassages: 3 })
    expect((await runCli(['compact', at('restored')])).stderr).toContain('1 segment became 1')
  })
})

describe('check and repair', () => {
  it('a damaged segment is found, and built anew', async () => {
    const clean = await runCli(['check', at('restored')])
    expect(clean).toMatchObject({ code: 0, stdout: '' })
    expect(clean.stderr).toContain('is clean: 3 documents, 1 segment')
    const folder = at('restored', 'g1', 'segments')
    const file = `${folder}/${readdirSync(folder).find(name => name.endsWith('.esp'))}`
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1]! ^= 4
    writeFileSync(file, bytes)
    const damaged = await runCli(['check', at('restored')])
    expect(damaged.code).toBe(1)
    expect(damaged.stdout).toContain(file)
    expect(damaged.stderr).toContain('esplanade repair')
    const asJson = await runCli(['check', at('restored'), '--json'])
    expect(jsonLines(asJson).at(-1)).toMatchObject({ isClean: false, isRepairable: true })
    const repaired = await runCli(['repair', at('restored')])
    expect(repaired.code).toBe(0)
    expect(repaired.stderr).toContain('is clean')
    expect((await runCli(['search', at('restored'), 'rope'])).code).toBe(0)
    expect((await runCli(['repair', at('restored')])).stderr).toContain('nothing to repair')
  })

  it('what is no collection has nothing to check', async () => {
    for (const command of ['check', 'repair', 'compact']) {
      const { code, stderr } = await runCli([command, at('nowhere')])
      expect(code).toBe(1)
      expect(stderr).toContain('COLLECTION_NOT_FOUND')
    }
  })
})

describe('reencode', () => {
  it('encodes all texts with another model, or the same one that reads less', async () => {
    const args = ['reencode', at('harbour'), '--model', 'splade-tiny', '--max-tokens', '8']
    expect(await json(...args)).toMatchObject({ generation: 'g2', numDocuments: 6, numEncoded: 6 })
    expect((await json('inspect', at('harbour'))).model).toMatchObject({ maxTokens: 8 })
    expect((await runCli(['search', at('harbour'), 'moon'])).stdout).toContain('tides')
    const none = await runCli(['reencode', at('harbour'), '--model', at('no-model')])
    expect(none.code).toBe(1)
    expect(none.stderr).toContain('MODEL_NOT_FOUND')
    expect((await runCli(['reencode', at('harbour')])).code).toBe(2)
  })
})
