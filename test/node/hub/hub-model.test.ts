import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { partsOf } from '../../../src/node/hub/model-parts.ts'
import { gitHash, sha256 } from './fake-hub.ts'
import { hubFixture, noise } from './hub-fixture.ts'

const weights = noise(50_000)
const files = {
  'config.json': '{"model_type": "bert"}',
  'tokenizer.json': noise(3000, 2),
  'model.safetensors': weights,
  'pytorch_model.bin': noise(50_000, 3),
  'README.md': 'A model.',
  'modules.json': '[{"path": ""}, {"path": "1_SpladePooling"}]',
  '1_SpladePooling/config.json': '{"pooling_strategy": "max"}'
}
const shards = {
  'config.json': '{}',
  'model.safetensors.index.json':
    '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}',
  'model-1.safetensors': noise(2000, 4),
  'model-2.safetensors': noise(2000, 5),
  'model-3.safetensors': noise(2000, 6)
}
const routed = {
  'config.json': '{}',
  'modules.json': '[{"path": "0_Router"}]',
  '0_Router/router_config.json': '{"types": {"query_0_Table": "x", "document_0_Model": "y"}}',
  '0_Router/query_0_Table/model.safetensors': noise(1500, 7),
  '0_Router/document_0_Model/config.json': '{}',
  '0_Router/document_0_Model/pytorch_model.bin': noise(1500, 8),
  '0_Router/unknown/config.json': '{}'
}
const fixture = hubFixture({
  'org/name': { files, tags: ['v1', 'pr/1'] },
  'org/shards': { files: shards },
  'org/routed': { files: routed },
  'org/onnx': {
    files: {
      'config.json': '{}',
      'onnx/model.onnx': noise(1500, 9),
      'onnx/model.onnx_data': noise(9, 9)
    }
  }
})

describe('a model on the hub', () => {
  test('gives the bytes of its files, small and large, and undefined for what it lacks', async () => {
    const model = await fixture.open('org/name')
    expect(model.commit).toBe(fixture.hub.commitOf('org/name'))
    for (const [file, content] of Object.entries(files)) {
      expect(Buffer.from((await model.read(file))!).equals(Buffer.from(content))).toBe(true)
    }
    expect(await model.read('pytorch.pt')).toBeUndefined()
    // What is not listed is not asked for.
    expect(fixture.hub.requests.some(({ path }) => path.includes('pytorch.pt'))).toBe(false)
    expect(model.placeOf('config.json')).toBe(`org/name@${model.commit.slice(0, 8)}/config.json`)
  })

  test('fetches what is read, once', async () => {
    const model = await fixture.open('org/name')
    await Promise.all([model.read('model.safetensors'), model.read('model.safetensors')])
    const again = await fixture.open('org/name')
    await again.read('model.safetensors')
    expect(fixture.hub.requestsOf('model.safetensors')).toHaveLength(1)
    expect(fixture.hub.requestsOf('pytorch_model.bin')).toEqual([])
    // One question, which commit `main` is now: the listing of a commit is kept.
    const asked = fixture.hub.requests.filter(({ path }) => path.includes('/tree/'))
    expect(asked).toHaveLength(3)
  })

  test('of a commit is not asked about again', async () => {
    const { commit } = await fixture.open('org/name')
    await (await fixture.open('org/name')).read('config.json')
    fixture.hub.reset()
    const pinned = await fixture.open('org/name', { revision: commit })
    expect(new TextDecoder().decode(await pinned.read('config.json'))).toBe(files['config.json'])
    expect(fixture.hub.requests).toEqual([])
  })

  test('follows main, and stays with a tag or a commit', async () => {
    const before = await fixture.open('org/name', { revision: 'pr/1' })
    const first = before.commit
    await before.read('config.json')
    fixture.hub.set('org/name', { files: { ...files, 'config.json': '{"new": 1}' } })
    const after = await fixture.open('org/name')
    expect(after.commit).not.toBe(first)
    expect(new TextDecoder().decode(await after.read('config.json'))).toBe('{"new": 1}')
    const pinned = await fixture.open('org/name', { revision: first })
    expect(new TextDecoder().decode(await pinned.read('config.json'))).toBe(files['config.json'])
    const refs = join(fixture.cacheDir, 'models--org--name', 'refs')
    expect(readFileSync(join(refs, 'main'), 'utf8')).toBe(after.commit)
    expect(readFileSync(join(refs, 'pr', '1'), 'utf8')).toBe(first)
  })

  test('lies in the cache as Python lays it', async () => {
    const model = await fixture.open('org/name')
    await model.read('model.safetensors')
    await model.read('1_SpladePooling/config.json')
    const folder = join(fixture.cacheDir, 'models--org--name')
    const small = gitHash(Buffer.from(files['1_SpladePooling/config.json']))
    const large = sha256(weights)
    expect(Buffer.from(weights).equals(readFileSync(join(folder, 'blobs', large)))).toBe(true)
    const snapshot = join(folder, 'snapshots', model.commit)
    expect(readlinkSync(join(snapshot, 'model.safetensors'))).toBe(`../../blobs/${large}`)
    const nested = join(snapshot, '1_SpladePooling', 'config.json')
    expect(readlinkSync(nested)).toBe(`../../../blobs/${small}`)
    const tree = JSON.parse(readFileSync(join(folder, 'trees', `${model.commit}.json`), 'utf8'))
    expect(tree.format_version).toBe(1)
    expect(tree.files['model.safetensors']).toEqual({
      size: weights.length,
      blob_id: gitHash(weights),
      lfs_sha256: large,
      lfs_size: weights.length
    })
  })

  test('has copies for links where there are none', async () => {
    const model = await fixture.open('org/name', {}, { HF_HUB_DISABLE_SYMLINKS: '1' })
    await model.read('model.safetensors')
    const found = lstatSync(join(model.folder, 'model.safetensors'))
    expect(found.isFile()).toBe(true)
    expect(found.size).toBe(weights.length)
  })

  test('is taken from what Python has fetched', async () => {
    const { commit } = await fixture.open('org/name')
    const folder = join(fixture.cacheDir, 'models--org--name')
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    writeFileSync(join(folder, 'blobs', sha256(weights)), weights)
    const model = await fixture.open('org/name', { revision: commit })
    expect(Buffer.from((await model.read('model.safetensors'))!).equals(Buffer.from(weights))).toBe(
      true
    )
    expect(fixture.hub.requestsOf('model.safetensors')).toEqual([])
  })

  test('is fetched again where a blob has another length', async () => {
    const model = await fixture.open('org/name')
    await model.read('model.safetensors')
    const blob = join(fixture.cacheDir, 'models--org--name', 'blobs', sha256(weights))
    writeFileSync(blob, weights.subarray(0, 100))
    expect(await model.read('model.safetensors')).toHaveLength(weights.length)
    rmSync(blob)
    expect(await model.read('model.safetensors')).toHaveLength(weights.length)
  })
})

describe('offline', () => {
  const offline = { localFilesOnly: true }

  test('what the cache has is read, and what the model lacks is known', async () => {
    const online = await fixture.open('org/name')
    await online.read('config.json')
    fixture.hub.reset()
    for (const [options, environment] of [
      [offline, {}],
      [{}, { HF_HUB_OFFLINE: '1' }],
      [{}, { TRANSFORMERS_OFFLINE: 'yes' }]
    ] as const) {
      const model = await fixture.open('org/name', options, environment)
      expect(model.commit).toBe(online.commit)
      expect(await model.read('config.json')).toBeDefined()
      expect(await model.read('idf.json')).toBeUndefined()
      await expect(model.read('model.safetensors')).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        message: expect.stringContaining('esplanade models pull org/name')
      })
    }
    expect(fixture.hub.requests).toEqual([])
  })

  test('a model that was never fetched is not there', async () => {
    await expect(fixture.open('org/name', offline)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/"main" is not in the cache.*offline/)
    })
    expect(fixture.hub.requests).toEqual([])
  })

  test('without a listing, what is not there is unknown unless Python has noted it', async () => {
    const online = await fixture.open('org/name')
    await online.read('config.json')
    const folder = join(fixture.cacheDir, 'models--org--name')
    rmSync(join(folder, 'trees'), { recursive: true })
    mkdirSync(join(folder, '.no_exist', online.commit), { recursive: true })
    writeFileSync(join(folder, '.no_exist', online.commit, 'idf.json'), '')
    const model = await fixture.open('org/name', offline)
    expect(await model.read('config.json')).toBeDefined()
    expect(await model.read('idf.json')).toBeUndefined()
    await expect(model.read('modules.json')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(online.folder)
    })
  })

  test('a file that was cut is refused', async () => {
    const online = await fixture.open('org/name')
    await online.read('model.safetensors')
    const blob = join(fixture.cacheDir, 'models--org--name', 'blobs', sha256(weights))
    writeFileSync(blob, weights.subarray(0, 100))
    const model = await fixture.open('org/name', offline)
    await expect(model.read('model.safetensors')).rejects.toMatchObject({
      code: 'MODEL_FILE_INVALID',
      message: expect.stringContaining('100 bytes')
    })
  })

  test('a hub that cannot be reached is done without, if the cache has the model', async () => {
    const online = await fixture.open('org/name')
    await online.read('config.json')
    fixture.hub.fault = () => ({ status: 503 })
    const model = await fixture.open('org/name')
    expect(model.commit).toBe(online.commit)
    expect(await model.read('config.json')).toBeDefined()
    // But a hub that says no is heard.
    fixture.hub.fault = () => ({ status: 404, headers: { 'x-error-code': 'RepoNotFound' } })
    await expect(fixture.open('org/name')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
  })
})

describe('the parts of a model that are fetched in advance', () => {
  test.each([
    [
      'org/name',
      [
        'config.json',
        'tokenizer.json',
        'modules.json',
        'model.safetensors',
        '1_SpladePooling/config.json'
      ]
    ],
    [
      'org/shards',
      ['config.json', 'model.safetensors.index.json', 'model-1.safetensors', 'model-2.safetensors']
    ],
    [
      'org/routed',
      [
        'config.json',
        'modules.json',
        '0_Router/router_config.json',
        '0_Router/query_0_Table/model.safetensors',
        '0_Router/document_0_Model/config.json',
        '0_Router/document_0_Model/pytorch_model.bin'
      ]
    ],
    ['org/onnx', ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data']]
  ])('of %s', async (name, parts) => {
    expect(await partsOf(await fixture.open(name))).toEqual(parts)
    expect(existsSync(join(fixture.cacheDir, `models--${name.replace('/', '--')}`))).toBe(true)
  })
})
