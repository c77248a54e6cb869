import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { retryAfterMs } from '../../../src/node/http/passing-error.ts'
import { checkedRevision, isHubName, isSafePath } from '../../../src/node/hub/hub-names.ts'
import { hubSettings } from '../../../src/node/hub/hub-settings.ts'
import { formatTree, parseTree } from '../../../src/node/hub/hub-tree.ts'

test.each([
  ['naver/splade-v3', true],
  ['a/b', true],
  ['opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill', true],
  ['prithivida/Splade_PP_en_v1', true],
  ['splade', false],
  ['./org/name', false],
  ['../name', false],
  ['org/../name', false],
  ['org/name/more', false],
  ['/org/name', false],
  ['org/', false],
  ['org/na--me', false],
  ['org/na..me', false],
  ['org/.name', false],
  ['org/name.git', false],
  ['org\\name', false],
  ['C:/name', false],
  ['org/na me', false],
  ['', false]
])('%j is a name of the hub: %s', (name, expected) => {
  expect(isHubName(name)).toBe(expected)
})

test.each([
  ['config.json', true],
  ['1_SpladePooling/config.json', true],
  ['onnx/model.onnx_data', true],
  ['..', false],
  ['a/../b', false],
  ['./a', false],
  ['', false],
  ['a/', false],
  ['/a', false],
  ['a\\b', false],
  ['c:a', false],
  ['a\nb', false],
  ['a/.. /b', false],
  [`${'a/'.repeat(600)}b`, false]
])('the path %j stays inside: %s', (path, expected) => {
  expect(isSafePath(path)).toBe(expected)
})

test('a revision is what git takes for one', () => {
  for (const right of ['main', 'v1.0', 'refs/pr/1', 'a'.repeat(40), 'feature/x_y']) {
    expect(checkedRevision(right)).toBe(right)
  }
  for (const wrong of ['', '..', 'a..b', '/main', 'a b', '-x', 'a~1', 'a^', 'x\\y', 'a@{1}']) {
    expect(() => checkedRevision(wrong)).toThrow(/is no revision/)
  }
})

describe('the environment', () => {
  const cacheDirOf = (environment: Record<string, string>) => hubSettings({}, environment).cacheDir

  test('says where the cache is, by the names that Python reads', () => {
    expect(cacheDirOf({})).toBe(join(homedir(), '.cache/huggingface/hub'))
    expect(cacheDirOf({ XDG_CACHE_HOME: '/c' })).toBe('/c/huggingface/hub')
    expect(cacheDirOf({ HF_HOME: '/h', XDG_CACHE_HOME: '/c' })).toBe('/h/hub')
    expect(cacheDirOf({ HF_HOME: '~/h' })).toBe(join(homedir(), 'h/hub'))
    expect(cacheDirOf({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/u' })).toBe('/u')
    expect(cacheDirOf({ HF_HUB_CACHE: '/v', HUGGINGFACE_HUB_CACHE: '/u' })).toBe('/v')
    expect(hubSettings({ cacheDir: '/o' }, { HF_HUB_CACHE: '/v' }).cacheDir).toBe('/o')
  })

  test('says whether there is a hub, and where', () => {
    expect(hubSettings({}, {})).toMatchObject({
      endpoint: 'https://huggingface.co',
      isOffline: false,
      useLinks: true
    })
    expect(hubSettings({}, { HF_ENDPOINT: 'https://mirror.example//' }).endpoint).toBe(
      'https://mirror.example'
    )
    for (const [value, expected] of [
      ['1', true],
      ['True', true],
      ['on', true],
      ['0', false],
      ['', false]
    ] as const) {
      expect(hubSettings({}, { HF_HUB_OFFLINE: value }).isOffline).toBe(expected)
    }
    expect(hubSettings({ localFilesOnly: false }, { HF_HUB_OFFLINE: '1' }).isOffline).toBe(false)
  })
})

test('Retry-After is seconds or a date', () => {
  const now = Date.UTC(2025, 0, 1)
  expect(retryAfterMs('120', now)).toBe(120_000)
  expect(retryAfterMs('Wed, 01 Jan 2025 00:00:30 GMT', now)).toBe(30_000)
  expect(retryAfterMs('Tue, 31 Dec 2024 00:00:00 GMT', now)).toBe(0)
  expect(retryAfterMs('soon', now)).toBeUndefined()
  expect(retryAfterMs(null, now)).toBeUndefined()
})

describe('a listing in the cache', () => {
  test('is read as Python writes it, and as we do', () => {
    const [sha1, sha2] = ['1'.repeat(40), '2'.repeat(64)]
    const json = JSON.stringify({
      format_version: 1,
      files: {
        'config.json': { size: 5, blob_id: sha1 },
        'model.bin': { size: 130, blob_id: sha1, lfs_sha256: sha2, lfs_size: 7, xet_hash: sha2 }
      }
    })
    const tree = parseTree(json)!
    expect([...tree]).toEqual([
      ['config.json', { size: 5, blobId: sha1 }],
      ['model.bin', { size: 7, blobId: sha1, sha256: sha2 }]
    ])
    expect(parseTree(formatTree(tree))).toEqual(tree)
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"format_version": 2, "files": {}}',
    '{"format_version": 1}',
    '{"format_version": 1, "files": {"a": null}}'
  ])('is no listing where it is %j', json => {
    expect(parseTree(json)).toBeUndefined()
  })
})
