import type { CheckOptions, CheckReport } from '../collection/check.ts'

export async function checkCollection(
  directory: string,
  options: CheckOptions = {}
): Promise<CheckReport> {
  throw new Error(`not yet: ${directory} ${options}`)
}
