import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { runCli } from './run-cli.ts'

/** A folder for the tests of one file, removed when they are done. */
export interface CliFolder {
  /** A path in it; the folder itself without names. */
  at(...names: string[]): string
  /** Writes a file; gives its path. */
  write(name: string, content: string): string
}

/** @param prepare - runs before the tests */
export function cliFolder(prepare?: (folder: CliFolder) => Promise<void>): CliFolder {
  let path: string
  const folder: CliFolder = {
    at: (...names) => join(path, ...names),
    write: (name, content) => {
      writeFileSync(join(path, name), content)
      return join(path, name)
    }
  }
  beforeAll(async () => {
    path = mkdtempSync(join(tmpdir(), 'esplanade-cli-'))
    await prepare?.(folder)
  })
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return folder
}

/** Objects as JSON lines. */
export const lines = (...documents: object[]): string =>
  documents.map(one => `${JSON.stringify(one)}\n`).join('')

/** Three documents of our own, as JSON lines. */
export const harbour: string = lines(
  { _id: 'tides', title: 'Tides', text: 'The moon pulls the sea up and lets it fall again.' },
  {
    _id: 'gulls',
    title: 'Gulls',
    text: 'Gulls follow the fishing boats to the harbour.',
    year: 1999
  },
  { _id: 'knots', title: 'Bowline', text: 'A loop in a rope that will not slip.', year: 2020 }
)

/** Puts the three documents into the collection `harbour`. */
export async function indexHarbour({ at, write }: CliFolder): Promise<void> {
  const file = write('harbour.jsonl', harbour)
  const { code, stderr } = await runCli(['index', file, '--to', at('harbour')])
  expect(stderr).toContain('3 documents indexed')
  expect(code).toBe(0)
}
