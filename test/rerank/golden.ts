import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ModelFiles } from '../../src/encoder/model-files.ts'
import { findModel } from '../../src/node/model-folder.ts'

/** Outputs of sentence-transformers 6.2 (float32) for the random checkpoint in the same folder. */
export interface CrossGolden {
  readonly pairs: readonly (readonly [string, string])[]
  readonly input_ids: readonly (readonly number[])[]
  readonly types: readonly (readonly number[])[]
  readonly scores: readonly (readonly number[])[]
}

/** What a ColBERT gives, by the paper and by sentence-transformers. */
export interface ColbertGolden {
  readonly queries: readonly GoldenText[]
  readonly documents: readonly GoldenText[]
  readonly scores: readonly (readonly number[])[]
}

export interface GoldenText {
  readonly text: string
  /** Of the tokens that have a vector. */
  readonly input_ids: readonly number[]
  readonly vectors: readonly number[]
}

export const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../golden/rerank/${name}`, import.meta.url))

export function goldenOf<Golden>(name: string): Golden {
  return JSON.parse(readFileSync(`${folderOf(name)}/golden.json`, 'utf8'))
}

/** The files of a golden model, some of its JSON files changed; a file changed to undefined is gone. */
export async function changed(
  name: string,
  changes: Readonly<Record<string, object | undefined>>
): Promise<ModelFiles> {
  const files = await findModel(folderOf(name))
  const read = async (file: string) => {
    if (!(file in changes)) return files.read(file)
    const change = changes[file]
    if (change === undefined) return undefined
    if (Array.isArray(change)) return Buffer.from(JSON.stringify(change))
    const given = JSON.parse(Buffer.from((await files.read(file)) ?? '{}').toString())
    return Buffer.from(JSON.stringify({ ...given, ...change }))
  }
  return { ...files, read }
}

/** The largest difference of two lists of the same length. */
export function worst(given: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (given.length !== expected.length) return Number.POSITIVE_INFINITY
  return Array.from(given, (value, i) => Math.abs(value - expected[i]!)).reduce(
    (largest, one) => (one > largest || Number.isNaN(one) ? one : largest),
    0
  )
}
