import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Collection, EsplanadeError, open, type UpsertDocument } from 'esplanade'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'esplanade-hostile-'))
let collection: Collection

beforeAll(async () => {
  collection = await open(join(folder, 'collection'), { model: null })
  await collection.upsert([{ key: 'innocent', vector: { terms: [1], weights: [1] } as never }])
})
afterAll(async () => {
  await collection.close()
  rmSync(folder, { recursive: true, force: true })
})

const vector = { terms: Uint32Array.of(1), weights: Float32Array.of(1) }

/** What a call is refused with; a wrong answer where it is not refused, or not by an error of ours. */
async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'accepted'
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    return error.code
  }
}

const upsertCode = (document: object): Promise<string> =>
  codeOf(() => collection.upsert([{ key: 'k', vector, ...document } as UpsertDocument]))

function nested(levels: number): object {
  let value: object = {}
  for (let i = 1; i < levels; i++) value = { in: value }
  return value
}

describe('names', () => {
  const accepted = {
    'one byte': 'k',
    '512 bytes': 'é'.repeat(256),
    '1,024 bytes': 'k'.repeat(1024),
    'a path': '../../etc/passwd',
    'a field of objects': '__proto__',
    'an emoji': '👩‍🚀',
    'a line break and quotes': '\n"\'',
    'bytes of the highest code point': '\u{10ffff}'
  }
  it.each(Object.entries(accepted))('%s are a key and a namespace', async (_, name) => {
    const namespace = name.slice(0, 100)
    for (const place of [{ key: name }, { key: name, namespace }]) {
      await collection.upsert([{ ...place, text: 'here', vector }])
      expect(await collection.get(name, place)).toMatchObject({ ...place, text: 'here' })
      expect((await collection.list({ ...place, limit: 1000 })).keys).toContain(name)
      const { hits } = await collection.search(vector, { ...place, k: 100 })
      expect(hits.map(({ key }) => key)).toContain(name)
      expect(await collection.delete(name, place)).toBe(1)
      expect(await collection.get(name, place)).toBeUndefined()
    }
  })

  it.each([
    ['no bytes', ''],
    ['1,025 bytes', 'k'.repeat(1025)],
    ['1,026 bytes in 513 letters', 'é'.repeat(513)],
    ['NUL', 'a\0b'],
    ['half a pair of surrogates', 'a\ud800'],
    ['a number', 7],
    ['nothing', null]
  ])('%s are refused as a key', async (_, key) => {
    expect(await upsertCode({ key })).toBe('INVALID_KEY')
    expect(await codeOf(() => collection.get(key as string))).toBe('accepted')
  })

  it.each([
    ['too many bytes', 'n'.repeat(1025)],
    ['NUL', 'a\0b'],
    ['half a pair of surrogates', '\udc00'],
    ['a number', 7]
  ])('%s are refused as a namespace', async (_, namespace) => {
    expect(await upsertCode({ namespace })).toMatch(/^INVALID_(KEY|ARGUMENT)$/)
  })

  it('half a pair finds nothing, not even what it would become', async () => {
    await collection.upsert([{ key: '\ufffd', namespace: '\ufffd', vector }])
    expect(await collection.get('\ud800', { namespace: '\ufffd' })).toBeUndefined()
    expect((await collection.list({ namespace: '\ud800' })).keys).toEqual([])
    expect(await collection.delete('\ud800', { namespace: '\ufffd' })).toBe(0)
  })
})

describe('metadata', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const throwing = {
    get field() {
      throw new RangeError('mine')
    }
  }
  it.each([
    ['nested 1,000 deep', nested(1000)],
    ['nested 100,000 deep', nested(100_000)],
    ['one that holds itself', cyclic],
    ['a function', { f: () => 1 }],
    ['a bigint', { n: 1n }],
    ['undefined', { u: undefined }],
    ['NaN', { n: Number.NaN }],
    ['an invalid date', { when: new Date('no') }],
    ['a symbol', { s: Symbol('s') }],
    ['above 1 MiB', { text: 'x'.repeat(2 ** 20) }],
    ['a list', ['a']],
    ['a text', 'text']
  ])('%s is refused', async (_, metadata) => {
    expect(await upsertCode({ metadata })).toBe('INVALID_ARGUMENT')
  })

  it('64 levels are kept, 70 are not', async () => {
    expect(await upsertCode({ metadata: nested(64) })).toBe('accepted')
    expect((await collection.get('k'))!.metadata).toEqual(nested(64))
    expect(await upsertCode({ metadata: nested(70) })).toBe('INVALID_ARGUMENT')
  })

  it("an error of the caller's own getter passes, and nothing is written", async () => {
    const documents = [{ key: 'getter', vector, metadata: throwing as never }]
    await expect(collection.upsert(documents)).rejects.toThrow('mine')
    expect(await collection.get('getter')).toBeUndefined()
  })

  it('a megabyte, 30,000 fields, and the names of fields of objects are kept', async () => {
    const many = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`field ${i}`, i]))
    const odd = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "c", "toString": [1]}')
    for (const metadata of [{ text: 'x'.repeat(2 ** 20 - 20) }, many, odd]) {
      expect(await upsertCode({ metadata })).toBe('accepted')
      const found = (await collection.get('k'))!.metadata
      expect(JSON.stringify(found)).toBe(JSON.stringify(metadata))
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    const filter = JSON.parse('{"__proto__.polluted": 1}')
    const { hits } = await collection.search(vector, { filter })
    expect(hits.map(({ key }) => key)).toEqual(['k'])
    await collection.flush()
    expect((await collection.search(vector, { filter })).hits.length).toBe(1)
  })
})

describe('texts and vectors', () => {
  it('10 MB of text, with surrogates that have no other half', async () => {
    const text = `${'ten million letters '.repeat(500_000)}\ud800`
    expect(await upsertCode({ text })).toBe('accepted')
    const kept = (await collection.get('k'))!.text
    expect(kept.length).toBe(text.length)
    expect(kept).toBe(`${text.slice(0, -1)}\ufffd`)
    const half = { start: 0, end: 5_000_000, vector }
    expect(await upsertCode({ vector: undefined, text, passages: [half] })).toBe('accepted')
  })

  it.each([
    ['NaN', [1], [Number.NaN]],
    ['infinite', [1], [Number.POSITIVE_INFINITY]],
    ['negative', [1], [-1]],
    ['zero', [1], [0]],
    ['unsorted', [2, 1], [1, 1]],
    ['twice', [1, 1], [1, 1]],
    ['unequal', [1, 2], [1]],
    ['no whole number', [1.5], [1]],
    ['too large', [2 ** 32], [1]]
  ])('a vector with %s is refused, in a document and in a query', async (_, terms, weights) => {
    const wrong = { terms, weights } as never
    expect(await upsertCode({ vector: wrong })).toBe('INVALID_VECTOR')
    expect(await codeOf(() => collection.search(wrong))).toBe('INVALID_VECTOR')
    const typed = { terms: Uint32Array.from(terms), weights: Float32Array.from(weights) }
    if (!terms.some(term => term !== term >>> 0)) {
      expect(await upsertCode({ vector: typed })).toBe('INVALID_VECTOR')
    }
  })

  it('the highest term', async () => {
    const code = await upsertCode({ vector: { terms: [2 ** 32 - 1], weights: [1] } })
    expect(['accepted', 'INVALID_VECTOR']).toContain(code)
    expect(await upsertCode({ vector: { terms: [2 ** 31 - 1], weights: [1] } })).toBe('accepted')
    await collection.flush()
    const query = { terms: Uint32Array.of(2 ** 31 - 1), weights: Float32Array.of(1) }
    expect((await collection.search(query)).hits.length).toBe(1)
  })

  it.each([
    ['NaN', [Number.NaN]],
    ['nothing', []]
  ])('a dense vector of %s is refused', async (_, dense) => {
    expect(await upsertCode({ dense })).toBe('INVALID_VECTOR')
  })
})

describe('searches', () => {
  const clauses = (count: number): object => ({
    $or: Array.from({ length: count }, (_, i) => ({ year: i }))
  })
  const deep = (levels: number): object => {
    let filter: object = { year: 1 }
    for (let i = 0; i < levels; i++) filter = { $not: filter }
    return filter
  }

  it('filters of 10,000 clauses are evaluated, larger and deeper ones refused', async () => {
    const code = (filter: unknown) => codeOf(() => collection.search(vector, { filter }))
    expect(await code(clauses(9_000))).toBe('accepted')
    expect(await code(clauses(10_002))).toBe('FILTER_INVALID')
    expect(await code(deep(10))).toBe('accepted')
    expect(await code(deep(1_000))).toBe('FILTER_INVALID')
    expect(await code(deep(100_000))).toBe('FILTER_INVALID')
    expect(await code({ year: { $regex: 'x' } })).toBe('FILTER_INVALID')
    expect(await code('year = 1')).toBe('FILTER_INVALID')
  })

  it.each([
    ['k of a thousand million', { k: 1e9 }, 'accepted'],
    ['k of nothing', { k: 0 }, 'INVALID_ARGUMENT'],
    ['k of a half', { k: 0.5 }, 'INVALID_ARGUMENT'],
    ['k of NaN', { k: Number.NaN }, 'INVALID_ARGUMENT'],
    ['a namespace that is a number', { namespace: 7 }, 'INVALID_ARGUMENT'],
    ['another mode', { mode: 'dense' }, 'INVALID_ARGUMENT'],
    ['a rerank that is no function', { rerank: 1 }, 'INVALID_ARGUMENT']
  ])('%s', async (_, options, code) => {
    expect(await codeOf(() => collection.search(vector, options as never))).toBe(code)
  })

  it('a text where there is no model', async () => {
    expect(await codeOf(() => collection.search('text'))).toBe('INVALID_ARGUMENT')
  })
})

describe('places', () => {
  const place = (name: string): string => join(folder, name)
  const openCode = (path: string, options: object = {}): Promise<string> =>
    codeOf(async () => (await open(path, { model: null, ...options })).close())

  it('a file, and what lies in a file', async () => {
    writeFileSync(place('file'), 'text')
    expect(await openCode(place('file'))).toBe('FILE_UNWRITABLE')
    expect(await openCode(place('file'), { readOnly: true })).toBe('COLLECTION_NOT_FOUND')
    expect(await openCode(join(place('file'), 'in'))).toBe('FILE_UNWRITABLE')
    expect(await openCode(join(place('file'), 'in'), { readOnly: true })).toBe(
      'COLLECTION_NOT_FOUND'
    )
    expect(readFileSync(place('file'), 'utf8')).toBe('text')
  })

  it('a folder of something else is left as it is', async () => {
    mkdirSync(place('other'))
    writeFileSync(join(place('other'), 'data.sqlite'), 'SQLite format 3\0')
    expect(await openCode(place('other'))).toBe('COLLECTION_EXISTS')
    mkdirSync(place('empty'))
    expect(await openCode(place('empty'), { readOnly: true })).toBe('COLLECTION_NOT_FOUND')
    expect(await openCode(place('absent'), { create: false })).toBe('COLLECTION_NOT_FOUND')
  })

  it('another format in the place of a file', async () => {
    expect(await openCode(place('formats'))).toBe('accepted')
    for (const [file, content] of [
      ['collection.json', '{"format": "something"}'],
      ['g1/manifest.json', '[]'],
      ['g1/store/data.mdb', `SQLite format 3\0${'\0'.repeat(8192)}`]
    ] as const) {
      const copy = place(`format ${file.replaceAll('/', ' ')}`)
      cpSync(place('formats'), copy, { recursive: true })
      writeFileSync(join(copy, file), content)
      expect(await openCode(copy), file).toBe('COLLECTION_CORRUPT')
    }
  })

  it('an index of version 0', async () => {
    mkdirSync(place('v0'))
    writeFileSync(join(place('v0'), 'manifest.json'), '{"format": "esplanade-index"}')
    expect(await openCode(place('v0'))).toBe('COLLECTION_VERSION')
    expect(await openCode(place('v0'), { readOnly: true })).toBe('COLLECTION_VERSION')
  })

  it('spaces, other scripts, a dot, a long name and a link', async () => {
    for (const name of ['with spaces', 'ünï çødé 数', 'a.b.c', 'x'.repeat(200)]) {
      expect(await openCode(place(name)), name).toBe('accepted')
      expect(await openCode(place(name), { readOnly: true }), name).toBe('accepted')
    }
    symlinkSync(place('a.b.c'), place('link'), 'junction')
    expect(await openCode(place('link'))).toBe('accepted')
    expect(await openCode(place('y'.repeat(300)))).toBe('FILE_UNWRITABLE')
  })

  const isRoot = process.getuid?.() === 0
  it.skipIf(isRoot || process.platform === 'win32')('a folder that is read-only', async () => {
    mkdirSync(place('read-only'), { mode: 0o555 })
    expect(await openCode(place('read-only'))).toBe('FILE_UNWRITABLE')
  })

  it.runIf(process.platform === 'linux')('a place where nothing can be made', async () => {
    expect(await openCode('/proc/collection')).toBe('FILE_UNWRITABLE')
  })

  it('this file is no collection', async () => {
    expect(await openCode(fileURLToPath(import.meta.url))).toBe('FILE_UNWRITABLE')
  })
})
