import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { open, replaceCollection, sparseVector } from '../../src/entry/index.ts'
import { temporaryFolder } from '../collection/harbour.ts'

const place = temporaryFolder()
const left = () => readdirSync(place()).filter(name => name.includes('partial'))

/** Makes a collection of documents of these keys. */
async function make(directory: string, ...keys: string[]): Promise<void> {
  await using collection = await open(directory, { model: null })
  await collection.upsert(keys.map(key => ({ key, vector: sparseVector([1], [1]) })))
}

async function keysIn(directory: string): Promise<readonly string[]> {
  await using collection = await open(directory, { readOnly: true })
  return (await collection.list()).keys
}

describe('replaceCollection', () => {
  it('puts the new one in the place when it is whole; until then the old one is read', async () => {
    await make(place('a'), 'old')
    const reader = await open(place('a'), { readOnly: true })
    const given = await replaceCollection(place('a'), async beside => {
      await make(beside, 'new', 'newer')
      expect((await reader.list()).keys).toEqual(['old'])
      await expect(open(place('a'))).rejects.toMatchObject({ code: 'COLLECTION_LOCKED' })
      return 7
    })
    expect(given).toBe(7)
    expect((await reader.list()).keys).toEqual(['old'])
    await reader.close()
    expect(await keysIn(place('a'))).toEqual(['new', 'newer'])
    await make(place('a'), 'more')
    expect(left()).toEqual([])
  })

  it('leaves the old one when the new one fails', async () => {
    const failed = replaceCollection(place('a'), async beside => {
      await make(beside, 'half')
      throw new Error('no more')
    })
    await expect(failed).rejects.toThrow('no more')
    expect(await keysIn(place('a'))).toEqual(['more', 'new', 'newer'])
    expect(left()).toEqual([])
    await make(place('a'), 'unlocked')
  })

  it('where nothing is yet makes one', async () => {
    await replaceCollection(place('below', 'b'), beside => make(beside, 'x'))
    expect(await keysIn(place('below', 'b'))).toEqual(['x'])
    mkdirSync(place('empty'))
    await replaceCollection(place('empty'), beside => make(beside, 'x'))
    expect(await keysIn(place('empty'))).toEqual(['x'])
  })

  it('is refused while another writes, and of two at once', async () => {
    await using _writer = await open(place('empty'))
    const refused = replaceCollection(place('empty'), beside => make(beside, 'y'))
    await expect(refused).rejects.toMatchObject({ code: 'COLLECTION_LOCKED' })
    const both = await Promise.allSettled([
      replaceCollection(place('a'), beside => make(beside, 'one')),
      replaceCollection(place('a'), beside => make(beside, 'two'))
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await keysIn(place('a'))).toHaveLength(1)
  })

  it('never replaces what is no collection, nor what came meanwhile', async () => {
    mkdirSync(place('precious'))
    writeFileSync(place('precious', 'thesis.txt'), 'years of work')
    const over = replaceCollection(place('precious'), beside => make(beside, 'x'))
    await expect(over).rejects.toMatchObject({ code: 'COLLECTION_EXISTS' })
    expect(readFileSync(place('precious', 'thesis.txt'), 'utf8')).toBe('years of work')
    writeFileSync(place('a-file'), '')
    const onFile = replaceCollection(place('a-file'), beside => make(beside, 'x'))
    await expect(onFile).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    const below = replaceCollection(place('a-file', 'below'), beside => make(beside, 'x'))
    await expect(below).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    const late = replaceCollection(place('late'), async beside => {
      await make(beside, 'x')
      mkdirSync(place('late'))
      writeFileSync(place('late', 'of-another'), '')
    })
    await expect(late).rejects.toMatchObject({ code: 'COLLECTION_EXISTS' })
    expect(readdirSync(place('late'))).toEqual(['of-another'])
    expect(left()).toEqual([])
  })

  it('removes what a killed one left', async () => {
    // No process has this id: it is above the largest that Linux gives out.
    mkdirSync(`${place('next')}.partial-4194999`)
    await replaceCollection(place('next'), beside => make(beside, 'x'))
    expect(left()).toEqual([])
    rmSync(place('next'), { recursive: true })
  })

  it.runIf(existsSync('/proc/self'))('where no folder can be made, it says so', async () => {
    const nowhere = replaceCollection('/proc/nothing', beside => make(beside, 'x'))
    await expect(nowhere).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  })
})
