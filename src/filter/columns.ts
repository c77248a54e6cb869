import { type DocumentBits, documentBits, emptyWords } from './bits.ts'
import { type ColumnSections, ColumnTable } from './column-table.ts'
import { openColumns } from './columns-reader.ts'
import { evaluateFilter } from './evaluate.ts'
import type { Filter } from './filter.ts'
import { VALUE_TYPES, type ValueType } from './value.ts'

/** Answers of one kind that are kept. */
const MAX_KEPT = 1000
const MAX_KEPT_NAMESPACES = 8

/** The metadata of one segment's documents, by field. */
export class Columns {
  readonly #table: ColumnTable
  readonly #namespaces = new Map<string, DocumentBits | 'all' | 'none'>()
  readonly #types = new Map<string, ReadonlySet<ValueType>>()

  private constructor(table: ColumnTable) {
    this.#table = table
  }

  /**
   * Opens what `ColumnsBuilder` wrote.
   *
   * @param bytes - kept, and not to be changed
   * @param place - what to call the bytes in an error message, for instance the file's path
   * @throws EsplanadeError `COLLECTION_VERSION`, `COLLECTION_CORRUPT`; the message names the section
   */
  static open(bytes: Uint8Array, place?: string): Columns {
    return new Columns(openColumns(bytes, place))
  }

  /** Columns that another thread has opened, from its {@link Columns.sections}. */
  static of(sections: ColumnSections): Columns {
    return new Columns(new ColumnTable(sections))
  }

  /** What was read and checked, as plain values: all but two small arrays are views of the bytes. */
  get sections(): ColumnSections {
    return this.#table.sections
  }

  /** Documents of the segment. */
  get numDocuments(): number {
    return this.#table.sections.numDocuments
  }

  /** The documents that pass a filter, of all namespaces. */
  evaluate(filter: Filter): DocumentBits {
    return documentBits(evaluateFilter(this.#table, filter), this.numDocuments)
  }

  /** The documents of a namespace, or that they are all of the segment's, or none. */
  namespaceBits(namespace: string): DocumentBits | 'all' | 'none' {
    const kept = this.#namespaces.get(namespace) ?? this.#findNamespace(namespace)
    keep(this.#namespaces, namespace, kept, MAX_KEPT_NAMESPACES)
    return kept
  }

  #findNamespace(namespace: string): DocumentBits | 'all' | 'none' {
    const column = this.#table.findColumn('namespace', '')
    if (column < 0) return 'none'
    const range = this.#table.equalTo(column, { value: namespace })
    if (range.from === range.to) return 'none'
    if (this.#table.numDocumentsOf(range.from) === this.numDocuments) return 'all'
    const words = emptyWords(this.numDocuments)
    this.#table.addDocuments(range, words)
    return documentBits(words, this.numDocuments)
  }

  /**
   * Types of the values that the documents of a namespace have in a field; the documents of other
   * namespaces leave no trace in the answer. Deleted documents of the segment count.
   */
  typesOf(path: string, namespace: string): ReadonlySet<ValueType> {
    const key = JSON.stringify([namespace, path])
    const types =
      this.#types.get(key) ??
      new Set(VALUE_TYPES.filter(type => this.#hasValues(type, path, namespace)))
    keep(this.#types, key, types, MAX_KEPT)
    return types
  }

  #hasValues(type: ValueType, path: string, namespace: string): boolean {
    const column = this.#table.findColumn(type, path)
    if (column < 0) return false
    const wanted = this.namespaceBits(namespace)
    if (typeof wanted === 'string') return wanted === 'all'
    const { columnDocuments } = this.#table.sections
    // Documents of the column and of the namespace are more than there are, so some are both.
    if (columnDocuments[column]! + wanted.size > this.numDocuments) return true
    const words = emptyWords(this.numDocuments)
    this.#table.addDocuments(this.#table.allValues(column), words)
    const bytes = new Uint8Array(words.buffer)
    return wanted.bits.some((byte, i) => (byte & bytes[i]!) !== 0)
  }
}

/** Keeps an answer as the last used one, and forgets the one that was used longest ago. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}
