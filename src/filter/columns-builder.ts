import type { Metadata } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import { type ColumnPairs, NumberPairs, StringPairs } from './column-pairs.ts'
import { COLUMN_TYPES, type ColumnType, MAX_DOCUMENTS } from './columns-format.ts'
import { writeColumns } from './columns-writer.ts'
import { forEachValue } from './field-values.ts'
import { compareStrings } from './value.ts'

/**
 * Collects the metadata of one segment's documents and writes it by field: the inverse of metadata,
 * which filters are evaluated over.
 */
export class ColumnsBuilder {
  readonly #numDocuments: number
  readonly #added: Uint8Array
  /** Columns by path, a map for each type. */
  readonly #columns: ReadonlyMap<ColumnType, Map<string, ColumnPairs>> = new Map(
    COLUMN_TYPES.map(type => [type, new Map()])
  )
  #numAdded = 0

  /** @param numDocuments - documents of the segment, at most 2^24 */
  constructor(numDocuments: number) {
    if (!Number.isInteger(numDocuments) || numDocuments < 0 || numDocuments > MAX_DOCUMENTS) {
      refuse('numDocuments', numDocuments, `a whole number from 0 to ${MAX_DOCUMENTS}`)
    }
    this.#numDocuments = numDocuments
    this.#added = new Uint8Array(numDocuments)
  }

  /**
   * Takes a document; each once, in any order.
   *
   * @param docId - its number in the segment's own order, from 0
   * @throws EsplanadeError `INVALID_ARGUMENT` for a number that there is not, or was already
   */
  add(docId: number, namespace: string, metadata: Metadata): void {
    if (this.#added[docId] !== 0) {
      refuse('docId', docId, `a document below ${this.#numDocuments}, each once`)
    }
    this.#added[docId] = 1
    this.#numAdded++
    this.#column('namespace', '').add(docId, namespace)
    forEachValue(metadata, (path, type, value) => this.#column(type, path).add(docId, value))
  }

  /**
   * The bytes of the columns; the same for the same documents, in whatever order they came.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` when a document was not added
   */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#numAdded !== this.#numDocuments) {
      refuse('numDocuments', this.#numAdded, `all ${this.#numDocuments} documents to be added`)
    }
    const sorted = COLUMN_TYPES.flatMap(type =>
      [...this.#columns.get(type)!]
        .sort(([a], [b]) => compareStrings(a, b))
        .map(([path, pairs]) => ({ type, path, pairs }))
    )
    return writeColumns(this.#numDocuments, sorted)
  }

  #column(type: ColumnType, path: string): ColumnPairs {
    const columns = this.#columns.get(type)!
    let column = columns.get(path)
    if (column === undefined) {
      column = type === 'namespace' || type === 'string' ? new StringPairs() : new NumberPairs()
      columns.set(path, column)
    }
    return column
  }
}

function refuse(place: string, given: number, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem: `given ${given}`, expected })
}
