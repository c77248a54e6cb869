import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { SegmentManifest } from '../collection/segment-manifest.ts'
import type { DocumentStore } from '../collection/store.ts'
import { EsplanadeError } from '../errors.ts'
import { syncFolder } from './atomic-file.ts'
import {
  type GenerationPaths,
  generationPaths,
  segmentPaths,
  writeCollectionFile,
  writeManifest
} from './collection-files.ts'
import { fileError } from './file-error.ts'

/**
 * Copies a collection into a directory that is not there yet. The manifest must not be replaced
 * meanwhile; writes may go on.
 *
 * @throws EsplanadeError `COLLECTION_EXISTS`, `FILE_UNWRITABLE`
 */
export async function backupCollection(
  from: GenerationPaths,
  store: DocumentStore,
  manifest: SegmentManifest,
  to: string
): Promise<void> {
  const target = resolve(to)
  await refuseToReplace(target)
  const partial = `${target}.partial-${process.pid}`
  const generation = basename(from.folder)
  const copy = generationPaths(partial, generation)
  let isInPlace = false
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(copy.segments, { recursive: true })
    await copyDurably(from.settings, copy.settings)
    for (const { file, dense } of manifest.segments) {
      const [source, place] = [segmentPaths(from, file), segmentPaths(copy, file)]
      await copyDurably(source.vectors, place.vectors)
      await copyDurably(source.columns, place.columns)
      if (dense !== undefined && dense.numVectors > 0) await copyDurably(source.dense, place.dense)
      if (dense?.graph !== undefined) await copyDurably(source.graph, place.graph)
    }
    await syncFolder(copy.segments)
    // The store last: it may be ahead of the segments, never behind them.
    await store.copyTo(copy.store)
    await writeManifest(copy, manifest)
    // Which flushes the folders too.
    await writeCollectionFile(partial, { active: generation })
    await rename(partial, target)
    isInPlace = true
    await syncFolder(dirname(target))
  } catch (cause) {
    // What failed leaves nothing, so that it can be tried again; the error that counts is the first.
    const left = isInPlace ? target : partial
    await rm(left, { recursive: true, force: true }).catch(() => undefined)
    throw fileError(cause, target, 'write')
  }
}

/** Copies a file; the disk has it when the promise resolves. */
async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  const file = await open(to, 'r+')
  await file.sync().finally(() => file.close())
}

async function refuseToReplace(target: string): Promise<void> {
  if (!existsSync(target)) return
  const names = await readdir(target).catch(() => ['?'])
  if (names.length === 0) return
  throw new EsplanadeError('COLLECTION_EXISTS', {
    place: target,
    problem: 'something is already here',
    remedy: 'Choose a place that is not there yet; nothing of this is replaced'
  })
}
