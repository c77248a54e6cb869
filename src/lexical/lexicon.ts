/** The words of a collection, numbered as they come; each word is a term. */
export class Lexicon {
  readonly #ids = new Map<string, number>()
  readonly #terms: string[] = []

  /** @param terms - words that are known already, in the order of their ids */
  constructor(terms: Iterable<string> = []) {
    for (const term of terms) this.add(term)
  }

  get size(): number {
    return this.#terms.length
  }

  /** The id of a word, which is given one if it has none. */
  add(term: string): number {
    const known = this.#ids.get(term)
    if (known !== undefined) return known
    this.#ids.set(term, this.#terms.length)
    return this.#terms.push(term) - 1
  }

  idOf(term: string): number | undefined {
    return this.#ids.get(term)
  }

  termOf(id: number): string | undefined {
    return this.#terms[id]
  }

  /** All words in the order of their ids. */
  terms(): readonly string[] {
    return this.#terms
  }
}
