/** What is loaded when it is asked for first, and kept. What failed is loaded again the next time. */
export class LoadOnce<T> {
  readonly #load: () => Promise<T>
  #loaded: Promise<T> | undefined

  constructor(load: () => Promise<T>) {
    this.#load = load
  }

  get(): Promise<T> {
    if (this.#loaded === undefined) {
      const loaded = this.#load()
      // What failed may work next time, for instance when the folder is back.
      loaded.catch(() => {
        this.#loaded = undefined
      })
      this.#loaded = loaded
    }
    return this.#loaded
  }

  /** What was asked for, if it was. */
  get asked(): Promise<T> | undefined {
    return this.#loaded
  }
}
