import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

/** What sentence-transformers 6.2 makes of the texts (`test/golden/make-layouts.py`). */
export interface Golden {
  readonly texts: readonly string[]
  readonly queries: readonly GoldenVector[]
  readonly documents: readonly GoldenVector[]
}

export interface GoldenVector {
  readonly terms: readonly number[]
  readonly weights: readonly number[]
}

/** The folder of a checkpoint in `test/golden/layouts`. */
export function layoutPath(layout: string): string {
  return fileURLToPath(new URL(`../golden/layouts/${layout}`, import.meta.url))
}

export function goldenOf(layout: string): Golden {
  return JSON.parse(readFileSync(join(layoutPath(layout), 'golden.json'), 'utf8'))
}

/** Changes the parsed content of a file, or gives another. */
type Change = (json: Record<string, unknown>) => unknown

const folders: string[] = []
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/**
 * A copy of a layout that is gone after the tests, with some of its files changed: by a function of
 * their JSON, by another JSON value, by other text, or (null) by removing them.
 */
export function changedLayout(
  layout: string,
  changes: Record<string, Change | object | string | null>
): string {
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-layout-'))
  folders.push(folder)
  cpSync(layoutPath(layout), folder, { recursive: true })
  for (const [file, change] of Object.entries(changes)) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    if (change === null) rmSync(path, { recursive: true })
    else if (typeof change === 'string') writeFileSync(path, change)
    else if (typeof change === 'object') writeFileSync(path, JSON.stringify(change))
    else {
      const json = JSON.parse(readFileSync(path, 'utf8'))
      writeFileSync(path, JSON.stringify(change(json) ?? json))
    }
  }
  return folder
}
