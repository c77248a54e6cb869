import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes that the files of a folder take on the disk. */
export function bytesOfFolder(folder) {
  let sum = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    sum += statSync(join(entry.parentPath ?? entry.path, entry.name)).blocks * 512
  }
  return sum
}
