import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'esplanade'
import { afterEach } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { EsplanadeError } from '../../src/errors.ts'
import type { OpenOptions } from '../../src/node/open-collection.ts'

const opened: Collection[] = []
const directories: string[] = []

/** A folder that is gone after the test. */
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'esplanade-collection-'))
  directories.push(directory)
  return directory
}

/** A collection without model and lexical terms, unless the options name them, closed after the test. */
export async function openSmall(
  options: OpenOptions = {},
  directory: string = newDirectory()
): Promise<Collection> {
  const collection = await open(directory, { model: null, lexical: false, ...options })
  opened.push(collection)
  return collection
}

afterEach(async () => {
  // The last first: readers before the writer.
  for (const collection of opened.splice(0).reverse()) await collection.close()
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true })
  }
})

/** The code and the place of what a promise is rejected with; `undefined` where it is not. */
export async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    return error.place === undefined ? error.code : `${error.code} at ${error.place}`
  }
}
