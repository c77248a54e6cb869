import CRC32 from 'crc-32'
import type { Pooling } from '../encoder/splade-pooling.ts'
import { EsplanadeError } from '../errors.ts'
import type { Metric } from '../vector/similarity.ts'

/** The format that this version writes; see `docs/formats/`. It is provisional. */
export const MANIFEST_VERSION = 0

/** What an index records of the model that made its vectors. */
export interface ModelRecord {
  /** The shipped model's name, or the folder that it was loaded from. */
  readonly source: string
  readonly name: string
  readonly vocabularyFingerprint: string
  /** CRC-32 of the weights. */
  readonly weightsFingerprint: string
  readonly pooling: Pooling
  readonly precision: 'float32'
  readonly maxTokens: number
}

/** What an index says of itself: `manifest.json`. */
export interface Manifest {
  readonly format: 'esplanade-index'
  readonly version: number
  /** Absent where the vectors were made elsewhere and no model was named. */
  readonly model?: ModelRecord
  readonly metric: Metric
  readonly numDocuments: number
  readonly numPassages: number
  /** Texts of which the model read only the first `maxTokens` tokens. */
  readonly numTruncated: number
  readonly numPostings: number
  /** Tokens of a passage; absent where documents are not split. */
  readonly passageTokens?: number
  /** Bytes of each file beside the manifest. */
  readonly fileBytes: Readonly<Record<string, number>>
}

/** The text of `manifest.json`: the fields, and a checksum of them. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, null, 2)}\n`
}

function checksumOf(manifest: Manifest): number {
  return CRC32.str(JSON.stringify(manifest)) >>> 0
}

/** @throws EsplanadeError `INDEX_CORRUPT` or `INDEX_VERSION` */
export function parseManifest(json: string, place: string): Manifest {
  let parsed: Manifest & { checksum?: unknown }
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    throw corrupt(place, 'it is not JSON', cause)
  }
  const { checksum, ...manifest } = parsed ?? {}
  if (manifest.format !== 'esplanade-index' || !Number.isInteger(manifest.version)) {
    throw corrupt(place, 'it is not the manifest of an Esplanade index')
  }
  if (manifest.version !== MANIFEST_VERSION) {
    throw new EsplanadeError('INDEX_VERSION', {
      place,
      problem: `the index has format version ${manifest.version}`,
      expected: `version ${MANIFEST_VERSION}`,
      remedy: 'Index the documents again with this version, or use the version that made it'
    })
  }
  if (checksum !== checksumOf(manifest)) throw corrupt(place, 'its checksum is wrong')
  const { model, numDocuments, numPassages, fileBytes } = manifest
  const counts = [numDocuments, numPassages, manifest.numPostings, manifest.numTruncated]
  if (!counts.every(count => Number.isSafeInteger(count) && count >= 0)) {
    throw corrupt(place, 'a count is missing')
  }
  if (typeof fileBytes !== 'object' || fileBytes === null) throw corrupt(place, 'no fileBytes')
  if (manifest.metric !== 'dot' && manifest.metric !== 'cosine') {
    throw corrupt(place, `metric is ${JSON.stringify(manifest.metric)}`)
  }
  if (model !== undefined) checkModel(model, place)
  return manifest
}

function checkModel(model: ModelRecord, place: string): void {
  for (const field of ['source', 'name', 'vocabularyFingerprint', 'weightsFingerprint'] as const) {
    if (typeof model?.[field] !== 'string') throw corrupt(place, `the model has no ${field}`)
  }
  if (model.pooling !== 'max' && model.pooling !== 'sum') {
    throw corrupt(place, `the model's pooling is ${JSON.stringify(model.pooling)}`)
  }
  if (!Number.isSafeInteger(model.maxTokens) || model.maxTokens < 1) {
    throw corrupt(place, `the model's maxTokens is ${JSON.stringify(model.maxTokens)}`)
  }
}

function corrupt(place: string, problem: string, cause?: unknown): EsplanadeError {
  return new EsplanadeError('INDEX_CORRUPT', {
    place,
    problem,
    remedy: 'Index the documents again',
    cause
  })
}
