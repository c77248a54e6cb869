/** Options of a restore. */
export interface RestoreOptions {
  /** What is in the directory now is moved aside; default false: it is refused. */
  readonly overwrite?: boolean
  readonly signal?: AbortSignal
}

/** What a restore did. */
export interface RestoreResult {
  readonly directory: string
  readonly numDocuments: number
  /** Where that is now which was in the directory. */
  readonly replaced?: string
}

export async function restoreCollection(
  backup: string,
  directory: string,
  options: RestoreOptions = {}
): Promise<RestoreResult> {
  throw new Error(`not yet: ${backup} ${directory} ${options}`)
}
