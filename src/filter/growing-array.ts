/** A typed array that numbers are pushed to. */
export class GrowingArray<T extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  readonly #create: new (
    length: number
  ) => T
  #values: T
  #length = 0

  /** @param create - `Uint32Array` or `Float64Array` */
  constructor(create: new (length: number) => T) {
    this.#create = create
    this.#values = new create(8)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#reserve(this.#length + 1)
    this.#values[this.#length++] = value
  }

  pushAll(values: ArrayLike<number>): void {
    this.#reserve(this.#length + values.length)
    this.#values.set(values, this.#length)
    this.#length += values.length
  }

  /** What was pushed: a view that is right until more is. */
  view(): T {
    return this.#values.subarray(0, this.#length) as T
  }

  #reserve(length: number): void {
    if (length <= this.#values.length) return
    const larger = new this.#create(Math.max(length, 2 * this.#values.length))
    larger.set(this.view())
    this.#values = larger
  }
}
