/**
 * Takes the tokens of a text in order, keeps the first `limit` and counts the rest, so that a text of
 * any length costs no more memory than what is kept.
 */
export class TokenSink {
  /** Tokens pushed, kept or not. */
  numTokens = 0
  readonly #limit: number
  #ids = new Uint32Array(64)
  #offsets: Uint32Array | undefined // start and end of each token

  constructor(limit: number, withOffsets: boolean) {
    this.#limit = limit
    this.#offsets = withOffsets ? new Uint32Array(128) : undefined
  }

  push(id: number, start = 0, end = 0): void {
    const index = this.numTokens++
    if (index >= this.#limit) return
    if (index === this.#ids.length) this.#grow()
    this.#ids[index] = id
    if (this.#offsets === undefined) return
    this.#offsets[2 * index] = start
    this.#offsets[2 * index + 1] = end
  }

  /** How many tokens are kept. */
  get numKept(): number {
    return Math.min(this.numTokens, this.#limit)
  }

  /** The ids of the kept tokens. */
  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.numKept)
  }

  /** Start and end of each kept token; empty if the sink was made without offsets. */
  get offsets(): Uint32Array {
    return this.#offsets?.subarray(0, 2 * this.numKept) ?? new Uint32Array(0)
  }

  #grow(): void {
    this.#ids = doubled(this.#ids)
    if (this.#offsets !== undefined) this.#offsets = doubled(this.#offsets)
  }
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
