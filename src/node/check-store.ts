import type { Findings } from '../collection/check.ts'
import type { Pace } from '../collection/pace.ts'
import type { StoredDocument, StoreState } from '../collection/store.ts'
import { EsplanadeError } from '../errors.ts'
import type { LmdbSnapshot } from './lmdb-snapshot.ts'

const LAST = Number.MAX_SAFE_INTEGER

/**
 * Checks every record of a store, and that documents, vectors, keys, counters and tombstones agree. A
 * damaged document is named by the key that leads to it.
 *
 * @param tick - called for each document
 * @throws EsplanadeError `ABORTED`; `COLLECTION_CORRUPT` where LMDB itself cannot go on
 */
export async function checkStore(
  snapshot: LmdbSnapshot,
  findings: Findings,
  pace: Pace,
  tick: () => void
): Promise<void> {
  const check = new StoreCheck(snapshot, findings, pace)
  await check.documents(tick)
  await check.keys()
  check.counters()
  await check.tombstones()
}

class StoreCheck {
  readonly #snapshot: LmdbSnapshot
  readonly #findings: Findings
  readonly #pace: Pace
  readonly #state: StoreState
  /** What is wrong with documents whose key is still to be found. */
  readonly #damaged = new Map<number, string>()
  readonly #namespaces = new Map<string, number>()
  #numDocuments = 0
  #lastSeq = 0

  constructor(snapshot: LmdbSnapshot, findings: Findings, pace: Pace) {
    this.#snapshot = snapshot
    this.#findings = findings
    this.#pace = pace
    this.#state = snapshot.state
  }

  async documents(tick: () => void): Promise<void> {
    const vectors = this.#snapshot.vectorSeqs(0, LAST)[Symbol.iterator]()
    let next = vectors.next()
    for (const seq of this.#snapshot.seqs(0, LAST)) {
      for (; !next.done && next.value < seq; next = vectors.next()) this.#stray(next.value)
      const hasVectors = !next.done && next.value === seq
      if (hasVectors) next = vectors.next()
      this.#document(seq, hasVectors)
      tick()
      if (this.#pace.isDue()) await this.#pace.turn()
    }
    for (; !next.done; next = vectors.next()) this.#stray(next.value)
  }

  #stray(seq: number): void {
    this.#findings.error('record', `there are vectors of document ${seq}, which is not there`)
  }

  #document(seq: number, hasVectors: boolean): void {
    this.#numDocuments++
    this.#lastSeq = seq
    const document = this.#read(seq, () => this.#snapshot.document(seq))
    const vectors = hasVectors ? this.#read(seq, () => this.#snapshot.vectors(seq)) : undefined
    if (!hasVectors) this.#damaged.set(seq, `document ${seq} has no vectors`)
    if (document === undefined) return
    const { namespace, key } = document
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? 0) + 1)
    const found = this.#snapshot.seqOf(namespace, key)
    if (found !== seq) {
      const leads = found === undefined ? 'leads nowhere' : `leads to document ${found}`
      this.#findings.error('key', `it ${leads}, and is the key of document ${seq}`, {
        namespace,
        key
      })
    }
    if (vectors === undefined) return
    const due = numPassages(document)
    if (vectors.passages.length === due) return
    const problem = `document ${seq} has ${due} passages and ${vectors.passages.length} vectors`
    this.#findings.error('record', problem, { namespace, key })
  }

  #read<T>(seq: number, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof EsplanadeError)) throw error
      this.#damaged.set(seq, error.problem)
      return undefined
    }
  }

  async keys(): Promise<void> {
    let numKeys = 0
    for (const { namespace, key, seq } of this.#snapshot.allKeys()) {
      numKeys++
      const problem = this.#damaged.get(seq)
      if (problem !== undefined) {
        this.#findings.error('record', problem, { namespace, key })
        this.#damaged.delete(seq)
      }
      if (this.#pace.isDue()) await this.#pace.turn()
    }
    for (const problem of this.#damaged.values()) this.#findings.error('record', problem)
    // Every document was asked for its key, so keys that are more lead to none.
    if (numKeys > this.#numDocuments) await this.#keysToNothing()
  }

  async #keysToNothing(): Promise<void> {
    for (const { namespace, key, seq } of this.#snapshot.allKeys()) {
      const [found] = Number.isSafeInteger(seq) ? this.#snapshot.seqs(seq, seq) : []
      if (found === undefined) {
        this.#findings.error('key', `it leads to document ${seq}, which is not there`, {
          namespace,
          key
        })
      }
      if (this.#pace.isDue()) await this.#pace.turn()
    }
  }

  counters(): void {
    const { numDocuments, lastSeq } = this.#state
    if (numDocuments !== this.#numDocuments) {
      this.#findings.error(
        'counter',
        `the store counts ${numDocuments} documents; there are ${this.#numDocuments}`
      )
    }
    if (lastSeq < this.#lastSeq) {
      const problem = `the last number is said to be ${lastSeq}; there is document ${this.#lastSeq}`
      this.#findings.error('counter', problem)
    }
    const counted = this.#snapshot.namespaces()
    // A document that cannot be read is missing in its namespace.
    if (this.#findings.numErrors > 0) return
    for (const namespace of new Set([...counted.keys(), ...this.#namespaces.keys()])) {
      const [said, found] = [counted.get(namespace) ?? 0, this.#namespaces.get(namespace) ?? 0]
      if (said === found) continue
      const problem = `the store counts ${said} documents in a namespace that has ${found}`
      this.#findings.error('counter', problem, { namespace })
    }
  }

  async tombstones(): Promise<void> {
    const { lastTombstone, lastSeq } = this.#state
    for (const { number, seq } of this.#snapshot.tombstones(0)) {
      const wrong = (problem: string): void =>
        this.#findings.error('tombstone', `the record of removal ${number} ${problem}`)
      if (number > lastTombstone) wrong(`comes after the last one, ${lastTombstone}`)
      else if (!(seq >= 1 && seq <= lastSeq)) wrong(`is of document ${seq}, which never was`)
      else if ([...this.#snapshot.seqs(seq, seq)].length > 0) wrong(`is of ${seq}, which is there`)
      if (this.#pace.isDue()) await this.#pace.turn()
    }
  }
}

function numPassages({ passages }: StoredDocument): number {
  return passages?.length ?? 1
}
