import type { CheckReport } from '../collection/check.ts'
import type { Progress, TaskOptions } from '../progress.ts'

/** One thing that a repair did. */
export interface RepairStep {
  readonly file: string
  /** What was done, in words. */
  readonly done: string
}

/** What a repair did. */
export interface RepairResult {
  readonly directory: string
  /** What was done, in its order; empty where nothing was wrong. */
  readonly steps: readonly RepairStep[]
  /** The collection as it is now. */
  readonly report: CheckReport
}

export type RepairOptions = TaskOptions<Progress>

export async function repairCollection(
  directory: string,
  options: RepairOptions = {}
): Promise<RepairResult> {
  throw new Error(`not yet: ${directory} ${options}`)
}
