/** How far a long task has come. Rates and time left are for whoever shows it to work out. */
export interface Progress {
  /** Items finished. */
  readonly done: number
  /** Items in all, when that is known. */
  readonly total?: number
}

/** What long tasks accept: a signal that stops them and a listener that hears how far they are. */
export interface TaskOptions<P extends Progress = Progress> {
  /** Stops the task at the next safe point; it then throws `ABORTED`. */
  readonly signal?: AbortSignal
  /** Called after each batch of work, in order, on the caller's thread. */
  readonly onProgress?: (progress: P) => void
}
