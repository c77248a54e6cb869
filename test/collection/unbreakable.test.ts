import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatManifest } from '../../src/collection/manifest.ts'
import { type CorpusRecord, createIndex, EsplanadeError, openIndex } from '../../src/entry/index.ts'
import { harbour, records, temporaryFolder } from './harbour.ts'

const place = temporaryFolder()
beforeAll(() => createIndex(place('texts'), records(harbour)))

describe('nothing half-written', () => {
  const left = () => readdirSync(place()).filter(name => name.includes('partial'))

  it('a duplicate key is skipped and reported, or stops a strict build before anything is there', async () => {
    const twice = [harbour[0]!, harbour[0]!]
    const problems: string[] = []
    const made = await createIndex(place('twice'), records(twice), {
      onProblem: ({ code, place }) => problems.push(`${code} ${place}`)
    })
    expect(made).toMatchObject({ numDocuments: 1, numProblems: 1 })
    expect(problems).toEqual(['DUPLICATE_KEY t:2'])
    const strict = createIndex(place('strict'), records(twice), { strict: true })
    await expect(strict).rejects.toMatchObject({ code: 'DUPLICATE_KEY' })
    expect(existsSync(place('strict'))).toBe(false)
    expect(left()).toEqual([])
  })

  it('an abort leaves the index that was there', async () => {
    const controller = new AbortController()
    async function* endless() {
      for (let i = 0; ; i++) {
        if (i === 3000) controller.abort()
        yield* records([{ key: `k${i}`, text: 'the tide' }])
      }
    }
    const before = readFileSync(join(place('texts'), 'manifest.json'), 'utf8')
    const build = createIndex(place('texts'), endless(), {
      overwrite: true,
      signal: controller.signal
    })
    await expect(build).rejects.toMatchObject({ code: 'ABORTED' })
    expect(readFileSync(join(place('texts'), 'manifest.json'), 'utf8')).toBe(before)
    expect(left()).toEqual([])
  })

  it('what is there is replaced only when asked, and never what is no index', async () => {
    const again = createIndex(place('texts'), records(harbour))
    await expect(again).rejects.toMatchObject({ code: 'INDEX_EXISTS' })
    await createIndex(place('texts'), records(harbour.slice(0, 2)), { overwrite: true })
    await using index = await openIndex(place('texts'))
    expect(index.manifest.numDocuments).toBe(2)
    mkdirSync(place('precious'))
    writeFileSync(join(place('precious'), 'thesis.txt'), 'years of work')
    const over = createIndex(place('precious'), records(harbour), { overwrite: true })
    await expect(over).rejects.toMatchObject({ code: 'INDEX_EXISTS' })
    expect(readFileSync(join(place('precious'), 'thesis.txt'), 'utf8')).toBe('years of work')
    writeFileSync(place('a-file'), '')
    const onFile = createIndex(place('a-file'), records(harbour), { overwrite: true })
    await expect(onFile).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    const below = createIndex(join(place('a-file'), 'below'), records(harbour))
    await expect(below).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  })

  it('of two builds at once one is refused, and what came meanwhile is kept', async () => {
    const directory = place('at-once')
    const both = await Promise.allSettled([
      createIndex(directory, records(harbour.slice(0, 1))),
      createIndex(directory, records(harbour.slice(1, 2)))
    ])
    expect(both.map(one => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(one => one.status === 'rejected')).toMatchObject({
      reason: { code: 'INDEX_EXISTS' }
    })
    rmSync(directory, { recursive: true })
    const late = async function* (): AsyncGenerator<CorpusRecord> {
      yield* records(harbour.slice(0, 1))
      mkdirSync(directory)
      writeFileSync(join(directory, 'of-another'), '')
    }
    await expect(createIndex(directory, late())).rejects.toMatchObject({ code: 'INDEX_EXISTS' })
    expect(readdirSync(directory)).toEqual(['of-another'])
    expect(readdirSync(place()).filter(name => name.startsWith('at-once.'))).toEqual([])
  })

  it.runIf(existsSync('/proc/self'))('where no folder can be made, it says so', async () => {
    await expect(createIndex('/proc/nothing', records(harbour))).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE'
    })
  })

  it('a passage size without meaning is refused before any record', async () => {
    for (const passageTokens of [1, 2, -1, 2.5, Number.NaN]) {
      await expect(
        createIndex(place('no-passages'), records(harbour), { passageTokens })
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place: 'passageTokens' })
    }
    expect(existsSync(place('no-passages'))).toBe(false)
  })

  it('an index folder that holds other files too is not replaced', async () => {
    await createIndex(place('shared'), records(harbour.slice(0, 1)))
    writeFileSync(join(place('shared'), 'notes.txt'), 'mine')
    const over = createIndex(place('shared'), records(harbour), { overwrite: true })
    await expect(over).rejects.toMatchObject({ code: 'INDEX_EXISTS' })
    expect(readFileSync(join(place('shared'), 'notes.txt'), 'utf8')).toBe('mine')
  })

  it('what a killed build left is removed by the next', async () => {
    // No process has this id: it is above the largest that Linux gives out.
    mkdirSync(`${place('next')}.partial-4194999`)
    await createIndex(place('next'), records(harbour.slice(0, 1)))
    expect(left()).toEqual([])
  })
})

describe('a damaged index', () => {
  const codeOf = async (run: () => Promise<unknown>) => {
    try {
      await run()
    } catch (error) {
      if (error instanceof EsplanadeError) return error.code
      throw error
    }
    return 'none'
  }
  const openAndRead = async (directory: string) => {
    await using index = await openIndex(directory)
    for (const { key } of await index.search('tide fog rope gull')) await index.get(key)
  }

  it('is refused by the file that is damaged, whichever byte it is', async () => {
    const directory = place('damaged')
    await createIndex(directory, records(harbour))
    expect(await codeOf(() => openAndRead(directory))).toBe('none')
    for (const file of ['vectors.esp', 'documents.table', 'documents.jsonl']) {
      const path = join(directory, file)
      const bytes = readFileSync(path)
      for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 40)) {
        const changed = Buffer.from(bytes)
        changed[at]! ^= 0x40
        writeFileSync(path, changed)
        // A document that no search returns is checked when it is asked for.
        const read = async () => {
          await using index = await openIndex(directory)
          for (const { key } of harbour) await index.get(key!)
        }
        expect(['INDEX_CORRUPT', 'INDEX_VERSION']).toContain(await codeOf(read))
      }
      writeFileSync(path, bytes.subarray(0, bytes.length - 1))
      expect(await codeOf(() => openAndRead(directory))).toBe('INDEX_CORRUPT')
      rmSync(path)
      expect(await codeOf(() => openAndRead(directory))).toBe('INDEX_CORRUPT')
      writeFileSync(path, bytes)
    }
    expect(await codeOf(() => openAndRead(directory))).toBe('none')
  })

  it('of another version, or not ours, is refused', async () => {
    const path = join(place('damaged'), 'manifest.json')
    const json = readFileSync(path, 'utf8')
    const withManifest = async (content: string) => {
      writeFileSync(path, content)
      return codeOf(() => openIndex(place('damaged')))
    }
    expect(await withManifest(json.replace('"version": 0', '"version": 1'))).toBe('INDEX_VERSION')
    expect(await withManifest('{"format": "something else"}')).toBe('INDEX_CORRUPT')
    expect(await withManifest('null')).toBe('INDEX_CORRUPT')
    for (let at = 0; at < json.length; at++) {
      const digit = /[0-9a-z]/.test(json[at]!)
      if (!digit) continue
      const changed = `${json.slice(0, at)}${json[at] === '1' ? '2' : '1'}${json.slice(at + 1)}`
      expect(['INDEX_CORRUPT', 'INDEX_VERSION']).toContain(await withManifest(changed))
    }
    // Well-formed and sealed, but not of these vectors, or of no model that there can be.
    const { checksum: _, ...manifest } = JSON.parse(json)
    const { model } = manifest
    const lies = [
      { ...manifest, numPassages: manifest.numPassages + 1 },
      { ...manifest, numPostings: 0 },
      { ...manifest, metric: 'cosine' },
      { ...manifest, numDocuments: -1 },
      ...[
        'source',
        'name',
        'vocabularyFingerprint',
        'weightsFingerprint',
        'pooling',
        'maxTokens'
      ].map(field => ({ ...manifest, model: { ...model, [field]: null } }))
    ]
    for (const lie of lies) expect(await withManifest(formatManifest(lie))).toBe('INDEX_CORRUPT')
    expect(await withManifest('{"for')).toBe('INDEX_CORRUPT')
    writeFileSync(path, json)
    expect(await codeOf(() => openIndex(place('no-such-place')))).toBe('INDEX_NOT_FOUND')
    expect(await codeOf(() => openIndex(place('a-file')))).toBe('INDEX_NOT_FOUND')
  })
})

describe('a full disk', () => {
  it('is reported as such, and nothing stays behind', async () => {
    const { IndexDirectoryWriter } = await import('../../src/node/index-directory.ts')
    const writer = await IndexDirectoryWriter.create(place('full'), false)
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    // What the writer does with the error is ours; that the system gives it is not.
    const { FileHandlePrototype } = await fileHandlePrototype()
    const original = FileHandlePrototype.appendFile
    FileHandlePrototype.appendFile = () => Promise.reject(full)
    try {
      await writer.add({ key: 'a', text: 'x', metadata: {} })
      const commit = writer.commit([new Uint8Array(1)], () => {
        throw new Error('not reached')
      })
      await expect(commit).rejects.toMatchObject({
        code: 'FILE_UNWRITABLE',
        problem: 'the disk is full'
      })
    } finally {
      FileHandlePrototype.appendFile = original
    }
    await writer.discard()
    expect(readdirSync(place()).filter(name => name.startsWith('full'))).toEqual([])
  })
})

async function fileHandlePrototype() {
  const { open } = await import('node:fs/promises')
  const handle = await open(place('probe'), 'w')
  const FileHandlePrototype = Object.getPrototypeOf(handle)
  await handle.close()
  return { FileHandlePrototype }
}
