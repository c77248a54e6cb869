import type { EsplanadeError } from 'esplanade'

/** Bad records are told one by one, but a file that is bad throughout must not flood a terminal. */
const MAX_REPORTED = 20

/** Tells of records that are skipped, on stderr, and counts them. */
export class ProblemReport {
  #count = 0

  /** How many records were skipped so far. */
  get count(): number {
    return this.#count
  }

  add(error: EsplanadeError): void {
    this.#count++
    if (this.#count <= MAX_REPORTED) {
      process.stderr.write(`skipped ${error.message} [${error.code}]\n`)
    } else if (this.#count === MAX_REPORTED + 1) {
      process.stderr.write('more are skipped; they are counted at the end\n')
    }
  }
}
