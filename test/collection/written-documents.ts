import type { DocumentStore, StoredDocument } from '../../src/collection/store.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'

/** A document of a test: its passages, and where it is not the default, the rest of it. */
export type TestDocument = Partial<Omit<StoredDocument, 'passages'>> & {
  readonly passages: readonly SparseVector[]
}

/** Writes documents with the numbers from `first` on, in one batch. */
export async function writeDocuments(
  store: DocumentStore,
  first: number,
  documents: readonly TestDocument[]
): Promise<void> {
  await store.write({
    added: documents.map(({ passages, ...rest }, i) => {
      const seq = first + i
      const document = { seq, namespace: '', key: `k${seq}`, text: '', metadata: {}, ...rest }
      return store.encode(document, { passages })
    }),
    removed: []
  })
}

/** Removes documents that {@link writeDocuments} gave their keys. */
export async function removeDocuments(store: DocumentStore, seqs: number[]): Promise<void> {
  await store.write({
    added: [],
    removed: seqs.map(seq => ({ seq, namespace: '', key: `k${seq}` }))
  })
}

/** A vector of a few terms that differs from one number to the next. */
export function vectorOf(n: number): SparseVector {
  const terms = [...new Set([n % 7, 7 + (n % 11), 20 + (n % 13)])].sort((a, b) => a - b)
  return sparseVector(
    terms,
    terms.map(term => ((n * 31 + term) % 17) + 0.5)
  )
}
