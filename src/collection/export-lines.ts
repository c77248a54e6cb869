import { metadataToJson } from '../corpus/metadata.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { Collection } from './collection.ts'
import type { CollectionDocument, CollectionSnapshot } from './snapshot.ts'

/** What is exported. */
export interface ExportOptions {
  /** Default `''`. */
  readonly namespace?: string
  /** Every namespace; each line then names its own. Default false. */
  readonly allNamespaces?: boolean
  /** With the vectors; default true. */
  readonly vectors?: boolean
}

/**
 * A collection as lines of JSON without line ends, one a document, in the order in which the documents
 * were written:
 *
 *     {"_id", "namespace"?, "text", "metadata", "passages"?: [[start, end], …],
 *      "vector": {"indices": [], "values": []}, "dense"?: []}
 *
 * `namespace` stands where it is not `''`. A document with `passages` has `vectors`, one each, in the
 * place of `vector`; where more than its first passage has a dense vector, `dense` is a list of lists of
 * numbers, one each, and null for a passage without. Weights have as few digits as give back the same float32; a date is
 * `{"$date": "2026-11-21T00:00:00.000Z"}`. {@link importLines} reads them back.
 *
 * @param source - a collection is exported as it was when this began
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_CLOSED`
 */
export async function* exportLines(
  source: Collection | CollectionSnapshot,
  options: ExportOptions = {}
): AsyncGenerator<string, void, undefined> {
  if ('snapshot' in source) {
    await using snapshot = await source.snapshot()
    yield* exportLines(snapshot, options)
    return
  }
  const { vectors = true, ...scope } = options
  for await (const document of source.documents({ ...scope, includeVectors: vectors })) {
    yield lineOf(document)
  }
}

/** One document as a line. */
function lineOf(document: CollectionDocument): string {
  const { key, namespace, text, metadata, passages, vectors, dense, denseVectors } = document
  const parts = [
    `"_id":${JSON.stringify(key)}`,
    ...(namespace === '' ? [] : [`"namespace":${JSON.stringify(namespace)}`]),
    `"text":${JSON.stringify(text)}`,
    `"metadata":${JSON.stringify(metadataToJson(metadata))}`
  ]
  if (passages !== undefined) parts.push(`"passages":${JSON.stringify(passages)}`)
  if (vectors !== undefined) {
    const written = vectors.map(vectorJson)
    parts.push(passages === undefined ? `"vector":${written[0]}` : `"vectors":[${written.join()}]`)
  }
  if (dense !== undefined) parts.push(`"dense":${denseJson(dense)}`)
  if (denseVectors !== undefined) {
    const written = denseVectors.map(vector => (vector ? denseJson(vector) : 'null'))
    parts.push(`"dense":[${written.join()}]`)
  }
  return `{${parts.join()}}`
}

function denseJson(vector: DenseVector): string {
  return `[${Array.from(vector, float32Json).join()}]`
}

function vectorJson({ terms, weights }: SparseVector): string {
  return `{"indices":[${terms.join()}],"values":[${Array.from(weights, float32Json).join()}]}`
}

/** The shortest decimal number that rounds to this float32. */
function float32Json(value: number): string {
  // Of the numbers that JSON can write, −0 alone is not what its digits say.
  if (Object.is(value, -0)) return '-0'
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}
