import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Larger data that is not part of the project (collections, other models' outputs). Tests that need
 * it skip with this reason where it is absent, as in every ordinary clone.
 */
export const sharedMissing = 'no ../shared folder beside the project (not part of it)'

/** The path of a file or folder under `../shared`, or undefined where that is absent. */
export function sharedPath(path: string): string | undefined {
  const full = fileURLToPath(new URL(`../../shared/${path}`, import.meta.url))
  return existsSync(full) ? full : undefined
}
