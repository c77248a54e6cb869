import type { CollectionDocument } from '../../../src/collection/snapshot.ts'
import type { SparseVector } from '../../../src/vector/sparse-vector.ts'

/** A vector as JSON has it. */
interface PlainVector {
  readonly terms: readonly number[]
  readonly weights: readonly number[]
}

/** A document as the program that is killed says it. */
export interface PlainDocument {
  readonly key: string
  readonly namespace: string
  readonly text: string
  readonly metadata: { readonly group: string; readonly version: number }
  readonly vector?: PlainVector
  readonly passages?: readonly {
    readonly start: number
    readonly end: number
    readonly vector: PlainVector
  }[]
  readonly dense?: readonly number[]
}

/** What the program says before it does something. */
export type Operation =
  | { readonly kind: 'upsert'; readonly documents: readonly PlainDocument[] }
  | { readonly kind: 'delete'; readonly namespace: string; readonly keys: readonly string[] }
  | { readonly kind: 'deleteWhere'; readonly namespace: string; readonly group?: string }
  | { readonly kind: 'backup'; readonly to: string }
  | { readonly kind: 'open' | 'flush' | 'settle' | 'compact' | 'reopen' }

/** Documents of a batch, which is written whole or not at all. */
const BATCH_DOCUMENTS = 1000

/** What a batch leaves: a document by its name, as text; undefined where there is none. */
type Unit = ReadonlyMap<string, string | undefined>

/**
 * What a collection must hold: all that was acknowledged, and of each batch that was under way when
 * the program died, all or nothing.
 */
export class Ledger {
  /** Documents by namespace NUL key, as text. */
  #documents = new Map<string, string>()
  readonly #underWay = new Map<number, { operation: Operation; units: readonly Unit[] }>()

  begin(id: number, operation: Operation): void {
    this.#underWay.set(id, { operation, units: this.#unitsOf(operation) })
  }

  /** An operation was acknowledged. Gives it, and how many documents it must have counted. */
  end(id: number): { readonly operation: Operation; readonly count: number } {
    const { operation, units } = this.#underWay.get(id)!
    this.#underWay.delete(id)
    let count = 0
    for (const unit of units) {
      if (operation.kind === 'upsert') count += unit.size
      else for (const name of unit.keys()) if (this.#documents.has(name)) count++
      this.#apply(unit)
    }
    return { operation, count }
  }

  /** Operations that were begun and not acknowledged. */
  underWay(): Operation[] {
    return [...this.#underWay.values()].map(({ operation }) => operation)
  }

  /**
   * The program was killed, and this is what the collection holds now. Says what is wrong with it;
   * nothing, as it should be: then it is what the collection must hold from here on.
   */
  settle(stored: readonly CollectionDocument[]): string[] {
    const found = new Map(stored.map(document => [nameOf(document), asText(document)]))
    const problems: string[] = []
    if (found.size !== stored.length) problems.push('a key is there twice')
    for (const { units } of this.#underWay.values()) {
      let isBehindAGap = false
      for (const unit of units) {
        const isDone = [...unit].every(([name, text]) => found.get(name) === text)
        const isUntouched = [...unit.keys()].every(
          name => found.get(name) === this.#documents.get(name)
        )
        if (!isDone && !isUntouched) problems.push(`half a batch: ${[...unit.keys()]}`)
        if (isDone && !isUntouched && isBehindAGap) problems.push('a batch before one is missing')
        if (!isDone) isBehindAGap = true
        else this.#apply(unit)
      }
    }
    this.#underWay.clear()
    for (const [name, text] of this.#documents) {
      const other = found.get(name)
      if (other === undefined) problems.push(`missing: ${text}`)
      else if (other !== text) problems.push(`differs: ${other} where ${text} was written`)
    }
    for (const name of found.keys()) {
      if (!this.#documents.has(name)) problems.push(`not to be there: ${found.get(name)}`)
    }
    return problems
  }

  /** What is wrong with a copy that was made while nothing else was under way. */
  differences(stored: readonly CollectionDocument[]): string[] {
    const copy = new Ledger()
    copy.#documents = new Map(this.#documents)
    return copy.settle(stored)
  }

  #apply(unit: Unit): void {
    for (const [name, text] of unit) {
      if (text === undefined) this.#documents.delete(name)
      else this.#documents.set(name, text)
    }
  }

  #unitsOf(operation: Operation): Unit[] {
    if (operation.kind === 'upsert') {
      const { documents } = operation
      return Array.from({ length: Math.ceil(documents.length / BATCH_DOCUMENTS) }, (_, i) => {
        const batch = documents.slice(i * BATCH_DOCUMENTS, (i + 1) * BATCH_DOCUMENTS)
        return new Map(batch.map(document => [nameOf(document), asText(asStored(document))]))
      })
    }
    if (operation.kind === 'delete') {
      const { namespace, keys } = operation
      return [new Map(keys.map(key => [nameOf({ namespace, key }), undefined]))]
    }
    if (operation.kind !== 'deleteWhere') return []
    const { namespace, group } = operation
    const names = [...this.#documents.keys()].filter(name => {
      const { metadata } = JSON.parse(this.#documents.get(name)!) as PlainDocument
      return name.startsWith(`${namespace}\0`) && (group === undefined || metadata.group === group)
    })
    return [new Map(names.map(name => [name, undefined]))]
  }
}

function nameOf({ namespace, key }: { namespace: string; key: string }): string {
  return `${namespace}\0${key}`
}

/** A document as the collection gives it back. */
function asStored(document: PlainDocument): CollectionDocument {
  const { key, namespace, text, metadata, vector, passages, dense } = document
  const vectors = passages?.map(passage => passage.vector) ?? [vector!]
  return {
    key,
    namespace,
    text,
    metadata,
    vectors: vectors as unknown as SparseVector[],
    ...(passages && { passages: passages.map(({ start, end }) => [start, end] as const) }),
    ...(dense && { dense: dense as unknown as Float32Array })
  }
}

/** All of a document, whole, so that two are the same if their texts are. */
function asText({ key, namespace, text, metadata, passages, vectors, dense }: CollectionDocument) {
  const plain = vectors!.map(({ terms, weights }) => [Array.from(terms), Array.from(weights)])
  const denseValues = dense && Array.from(dense)
  return JSON.stringify({ key, namespace, text, metadata, passages, plain, denseValues })
}
