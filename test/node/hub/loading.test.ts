import { mkdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SparseEncoder } from '../../../src/entry/encoder.ts'
import { open } from '../../../src/entry/index.ts'
import { findModel } from '../../../src/node/model-folder.ts'
import { importsOf } from '../../house/import-rules.ts'
import { filesUnder, read } from '../../house/repository.ts'
import { hubFixture } from './hub-fixture.ts'

const folder = fileURLToPath(new URL('../../golden/families/bert/', import.meta.url))
const names = ['config.json', 'tokenizer.json', 'model.safetensors']
const files = Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name))]))
const fixture = hubFixture({
  'org/splade': { files: { ...files, 'pytorch_model.bin': 'not read' } },
  'org/queries': { files },
  'org/later': { files: { ...files, 'config.json': '{}' } }
})

beforeEach(() => {
  for (const name of [
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_HUB_OFFLINE',
    'TRANSFORMERS_OFFLINE'
  ]) {
    vi.stubEnv(name, '')
  }
  vi.stubEnv('HF_TOKEN_PATH', join(fixture.cacheDir, 'no-token'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const options = () => ({ endpoint: fixture.hub.endpoint, cacheDir: fixture.cacheDir })

test('an encoder of a model on the hub is that of its files', async () => {
  await using fetched = await SparseEncoder.load('org/splade', options())
  await using local = await SparseEncoder.load(folder)
  expect(fetched.name).toBe('org/splade')
  expect(fetched.fingerprint).toBe(local.fingerprint)
  const text = 'The harbour master counts the boats at dusk.'
  expect(await fetched.encodeDocument(text)).toEqual(await local.encodeDocument(text))
  expect(fixture.hub.requestsOf('model.safetensors')).toHaveLength(1)
  expect(fixture.hub.requests.some(({ path }) => path.includes('pytorch'))).toBe(false)
})

test('the shipped model and folders need no connection', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch')
  for (const name of ['splade-tiny', folder]) {
    await using encoder = await SparseEncoder.load(name, options())
    expect((await encoder.encodeQuery('harbour')).terms.length).toBeGreaterThan(0)
  }
  expect(fetched).not.toHaveBeenCalled()
  expect(fixture.hub.requests).toEqual([])
})

describe('a name', () => {
  test('of a folder that is there is that folder', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(fixture.cacheDir)
    mkdirSync(join(fixture.cacheDir, 'org', 'splade'), { recursive: true })
    expect(await findModel('org/splade', options())).toMatchObject({
      source: join(fixture.cacheDir, 'org', 'splade'),
      revision: undefined
    })
    expect(fixture.hub.requests).toEqual([])
    await expect(findModel('./org/later', options())).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('no model or folder "./org/later"')
    })
    expect(fixture.hub.requests).toEqual([])
    const { source, revision } = await findModel('org/later', options())
    expect({ source, revision }).toEqual({
      source: 'org/later',
      revision: fixture.hub.commitOf('org/later')
    })
  })

  test('without an owner says how models of the hub are named', async () => {
    await expect(findModel('splade-v3', options())).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/org\/name.*as in naver\/splade-v3/)
    })
  })
})

test('a collection records the commit, and fetches it with the first text', async () => {
  const directory = join(fixture.cacheDir, 'collection')
  const commit = fixture.hub.commitOf('org/splade')
  {
    await using made = await open(directory, { model: 'org/splade', load: options() })
    expect(made.settings.model).toMatchObject({ source: 'org/splade', revision: commit })
    await made.upsert([{ key: 'a', text: 'boats in the harbour' }])
  }
  // By now `main` is another model, and the cache is empty.
  fixture.hub.set('org/splade', { files: { 'config.json': '{}' } })
  const cacheDir = join(fixture.cacheDir, 'empty')
  fixture.hub.reset()
  await using again = await open(directory, { load: { ...options(), cacheDir } })
  expect((await again.get('a'))?.text).toBe('boats in the harbour')
  expect(fixture.hub.requests).toEqual([])
  const { hits } = await again.search('harbour')
  expect(hits.map(({ key }) => key)).toEqual(['a'])
  expect(fixture.hub.requestsOf('model.safetensors')).toHaveLength(1)
  expect(fixture.hub.requests.some(({ path }) => path.includes('/revision/'))).toBe(false)
})

test('a collection records the commit of the model of its queries, too', async () => {
  const directory = join(fixture.cacheDir, 'collection')
  const commit = fixture.hub.commitOf('org/queries')
  const load = { ...options(), queryModel: 'org/queries' }
  {
    await using made = await open(directory, { model: folder, load })
    expect(made.settings.model).toMatchObject({ queryModel: `org/queries@${commit}` })
    await made.upsert([{ key: 'a', text: 'boats in the harbour' }])
  }
  // By now `main` is another model.
  fixture.hub.set('org/queries', { files: { 'config.json': '{}' } })
  fixture.hub.reset()
  await using again = await open(directory, { load: options() })
  const { hits } = await again.search('harbour')
  expect(hits.map(({ key }) => key)).toEqual(['a'])
  expect(fixture.hub.requests.some(({ path }) => path.includes('/revision/'))).toBe(false)
})

test('no other part of the source opens a connection unasked', () => {
  const sources = filesUnder('src').filter(file => file.endsWith('.ts'))
  const opening = sources.filter(
    file =>
      importsOf(read(file)).some(name =>
        /^(node:(https?|http2|net|tls)|@huggingface\/hub)$/.test(name)
      ) || /(?<![.#\w])fetch\(/.test(read(file))
  )
  const connection = 'src/node/http/http-connection.ts'
  // The second is for models that are named by their address, as in a browser.
  expect(opening.filter(file => !file.startsWith('src/node/hub/'))).toEqual([
    'src/encoder/fetched-model.ts',
    connection
  ])
  const connecting = sources.filter(file =>
    importsOf(read(file)).some(name => posix.join(posix.dirname(file), name) === connection)
  )
  const folders = new Set(connecting.map(file => posix.dirname(file)))
  expect([...folders].sort()).toEqual(['src/node/datasets', 'src/node/http', 'src/node/hub'])
})
