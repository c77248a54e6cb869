import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import crc32 from 'crc-32'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checksumOf } from '../../src/encoder/checksum.ts'
import { allocate, isFile, nativeCrc32, readIfThere } from '../../src/node/whole-file.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'esplanade-whole-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a file is read whole, none is undefined, a folder is an error', async () => {
  const path = join(folder, 'small')
  await writeFile(path, 'abc')
  expect(new TextDecoder().decode(await readIfThere(path))).toBe('abc')
  expect(await readIfThere(join(folder, 'absent'))).toBeUndefined()
  await mkdir(join(folder, 'inside'))
  await expect(readIfThere(join(folder, 'inside'))).rejects.toThrow(
    expect.objectContaining({ code: 'FILE_UNREADABLE' })
  )
  expect(
    await Promise.all(['small', 'absent', 'inside'].map(f => isFile(join(folder, f))))
  ).toEqual([true, false, false])
})

test('a file that is larger than a piece is read to its end', async () => {
  const path = join(folder, 'large')
  const size = 2 ** 28 + 5
  // Holes of a sparse file take no room on the disk.
  await writeFile(path, 'first')
  await truncate(path, size)
  const file = await open(path, 'r+')
  await file.write('last', size - 4)
  await file.close()
  const bytes = await readIfThere(path)
  expect(bytes!.length).toBe(size)
  expect(new TextDecoder().decode(bytes!.subarray(0, 5))).toBe('first')
  expect(new TextDecoder().decode(bytes!.subarray(size - 4))).toBe('last')
  // Sums over pieces are the sum over all: of the same bytes cut elsewhere.
  const cut = nativeCrc32(bytes!.subarray(1000), nativeCrc32(bytes!.subarray(0, 1000), 0))
  expect(nativeCrc32(bytes!, 0)).toBe(cut)
})

test('what no array of bytes holds is said with its size', () => {
  expect(() => allocate(2 ** 53 - 1, 'model.safetensors')).toThrow(
    expect.objectContaining({ code: 'FILE_UNREADABLE', place: 'model.safetensors' })
  )
})

test('the checksum of zlib is that of JavaScript', () => {
  const parts = [[], [1, 2, 3], Array.from({ length: 5000 }, (_, i) => (i * i) % 251)]
  const bytes = parts.map(part => Uint8Array.from(part))
  expect(checksumOf(bytes, { crc32: nativeCrc32 })).toBe(checksumOf(bytes, {}))
  const all = Uint8Array.from(parts.flat())
  expect(checksumOf(bytes, {})).toBe((crc32.buf(all) >>> 0).toString(16).padStart(8, '0'))
})
