import type { UpsertDocument, UpsertProgress } from 'esplanade'
import type { Corpus } from 'esplanade/corpus'
import { showProgress } from './progress.ts'

/**
 * How far the indexing of a corpus has come. Bytes are known to the end, so the share that was read
 * tells how much is left; but what was read is encoded in part only.
 */
export class IndexProgress {
  readonly #corpus: Corpus
  readonly #display = showProgress('indexing', 'passages')
  /** Passages of each document that was read and is not done, in their order. */
  #waiting: number[] = []
  #firstWaiting = 0
  #numRead = 0
  #numDone = 0
  #documentsDone = 0
  /** What the model had encoded when the last documents were done. */
  #encodedBefore = 0
  #fraction: number | undefined

  constructor(corpus: Corpus) {
    this.#corpus = corpus
  }

  /** A document was read. */
  read({ passages }: UpsertDocument): void {
    const numPassages = passages?.length ?? 1
    this.#waiting.push(numPassages)
    this.#numRead += numPassages
  }

  /** Documents were encoded, or are done. */
  update({ done, numEncoded: numSparse, dense }: UpsertProgress): void {
    // Each passage is encoded by one model, then by the other.
    const numEncoded = dense === undefined ? numSparse : (numSparse + dense.numEncoded) / 2
    if (done > this.#documentsDone) this.#encodedBefore = numEncoded
    for (; this.#documentsDone < done; this.#documentsDone++) {
      this.#numDone += this.#waiting[this.#firstWaiting++]!
    }
    if (this.#firstWaiting > 4096) {
      this.#waiting = this.#waiting.slice(this.#firstWaiting)
      this.#firstWaiting = 0
    }
    const worked = Math.min(this.#numRead, this.#numDone + numEncoded - this.#encodedBefore)
    const { totalBytes, bytesRead } = this.#corpus
    if (totalBytes !== undefined) {
      const share = this.#numRead === 0 ? 1 : worked / this.#numRead
      // Reading is some way ahead, which must not make the bar go back.
      const fraction = (bytesRead / Math.max(1, totalBytes)) * share
      this.#fraction = Math.max(this.#fraction ?? 0, fraction)
    }
    this.#display.update(Math.floor(worked), this.#fraction)
  }

  stop(): void {
    this.#display.stop()
  }
}
