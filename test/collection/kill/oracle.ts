import type { Collection } from '../../../src/collection/collection.ts'
import type { CollectionDocument } from '../../../src/collection/snapshot.ts'
import { dotProduct } from '../../../src/vector/similarity.ts'
import { type SparseVector, sparseVector } from '../../../src/vector/sparse-vector.ts'

/** Everything that a collection holds, in the order in which it was written. */
export async function storedDocuments(collection: Collection): Promise<CollectionDocument[]> {
  await using snapshot = await collection.snapshot()
  const documents: CollectionDocument[] = []
  const all = snapshot.documents({ allNamespaces: true, includeVectors: true })
  for await (const document of all) documents.push(document)
  return documents
}

/**
 * The best documents by scoring every one: the reference for what a search must find. Weights are
 * eighths, so scores are exact.
 */
function expectedHits(
  documents: readonly CollectionDocument[],
  query: SparseVector,
  { k, namespace, group }: { k: number; namespace: string; group?: string | undefined }
): [key: string, score: number][] {
  return documents
    .filter(document => document.namespace === namespace)
    .filter(({ metadata }) => group === undefined || metadata.group === group)
    .map(({ key, vectors }): [string, number] => [
      key,
      Math.max(...vectors!.map(vector => dotProduct(query, vector)))
    ])
    .filter(([, score]) => score > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, k)
}

/** Compares some searches with the oracle; gives what differs. */
export async function searchProblems(
  collection: Collection,
  documents: readonly CollectionDocument[],
  random: () => number,
  numQueries = 4
): Promise<string[]> {
  const problems: string[] = []
  const namespaces = ['', ...new Set(documents.map(({ namespace }) => namespace))]
  for (let i = 0; i < numQueries; i++) {
    const query = randomQuery(random)
    const namespace = namespaces[Math.floor(random() * namespaces.length)]!
    const group = random() < 0.5 ? `g${Math.floor(random() * 5)}` : undefined
    const k = 1 + Math.floor(random() * 30)
    const filter = group === undefined ? {} : { filter: { group } }
    const { hits } = await collection.search(query, { k, namespace, ...filter })
    const found = JSON.stringify(hits.map(({ key, score }) => [key, score]))
    const expected = JSON.stringify(expectedHits(documents, query, { k, namespace, group }))
    if (found !== expected) problems.push(`found ${found} instead of ${expected}`)
  }
  return problems
}

function randomQuery(random: () => number): SparseVector {
  const terms = new Set<number>()
  for (let i = 0; i < 6; i++) terms.add(Math.floor(random() * 60))
  const ascending = [...terms].sort((a, b) => a - b)
  return sparseVector(
    ascending,
    ascending.map(() => (1 + Math.floor(random() * 8)) / 8)
  )
}
