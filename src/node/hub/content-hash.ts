import { createHash, type Hash } from 'node:crypto'
import type { HubFile } from './hub-tree.ts'

/** The checksum that a file has in the hub's listing, begun: SHA-256, or that of a git blob. */
export function beginHash({ size, sha256 }: Pick<HubFile, 'size' | 'sha256'>): Hash {
  return sha256 === undefined ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256')
}
