import type { Progress, TaskOptions } from '../progress.ts'

/** What kind of fault it is; codes are not renamed. */
export type FindingCode =
  | 'collection-file' // collection.json is missing, damaged, or names a generation that is not there
  | 'settings' // the settings of the generation are missing or damaged
  | 'manifest' // the manifest is missing or damaged, or claims what the store does not have
  | 'store' // the store as a whole cannot be read
  | 'record' // the record of a document, or of its vectors, is damaged or missing
  | 'key' // keys and documents disagree
  | 'counter' // a counter of the store is wrong
  | 'tombstone' // a record of a removal is wrong
  | 'segment-file' // a file of a segment is missing, damaged, or another one
  | 'segment-missing' // a document is in no segment, and should be
  | 'segment-extra' // a segment has a document that is not there, and was not removed since
  | 'segment-vector' // a segment has another vector than the store
  | 'segment-metadata' // the columns of a segment have other metadata than the store
  | 'orphan' // a file that nothing names; a note

/** One thing that is not as it should be. */
export interface Finding {
  /** `error`: something is wrong. `note`: nothing is, but it takes room until the next writer comes. */
  readonly severity: 'error' | 'note'
  readonly code: FindingCode
  /** The path of the file that it is about. */
  readonly file?: string
  /** The key of the document that it is about, where that can be told. */
  readonly key?: string
  readonly namespace?: string
  /** What is wrong, in words. */
  readonly problem: string
}

/** What a check of a collection found. */
export interface CheckReport {
  readonly directory: string
  /** Whether there is no error. */
  readonly isClean: boolean
  /** Whether all errors are in what `repair` builds anew; false too where there are none. */
  readonly isRepairable: boolean
  /** At most {@link MAX_FINDINGS} of each code. */
  readonly findings: readonly Finding[]
  /** All of them, those left out of `findings` too. */
  readonly numErrors: number
  readonly numDocuments: number
  readonly numSegments: number
}

/** How far a check has come: documents and entries of segments that were looked at. */
export type CheckOptions = TaskOptions<Progress>

/** Findings of one code that are listed. */
const MAX_FINDINGS = 1000

/** What `repair` cannot make anew, for it is where everything else is made from. */
const BEYOND_REPAIR: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'settings',
  'store',
  'record',
  'key',
  'counter',
  'tombstone'
])

/** Collects what is found. */
export class Findings {
  readonly list: Finding[] = []
  readonly #counts = new Map<FindingCode, number>()
  #numErrors = 0
  #isBeyondRepair = false

  get numErrors(): number {
    return this.#numErrors
  }

  add(finding: Finding): void {
    const { code, severity } = finding
    const count = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, count)
    if (count <= MAX_FINDINGS) this.list.push(finding)
    if (severity === 'note') return
    this.#numErrors++
    if (BEYOND_REPAIR.has(code)) this.#isBeyondRepair = true
  }

  error(
    code: FindingCode,
    problem: string,
    where: Pick<Finding, 'file' | 'key' | 'namespace'> = {}
  ): void {
    this.add({ severity: 'error', code, ...where, problem })
  }

  report(directory: string, numDocuments: number, numSegments: number): CheckReport {
    return {
      directory,
      isClean: this.#numErrors === 0,
      isRepairable: this.#numErrors > 0 && !this.#isBeyondRepair,
      findings: this.list,
      numErrors: this.#numErrors,
      numDocuments,
      numSegments
    }
  }
}
