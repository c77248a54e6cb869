import { isSafePath } from './hub-names.ts'

/** A file of a model as the hub lists it. */
export interface HubFile {
  /** Bytes. */
  readonly size: number
  /** SHA-1 of the git blob: of the file itself, or of what stands for a large one. */
  readonly blobId: string
  /** SHA-256 of a large file; absent for the small ones that git itself keeps. */
  readonly sha256?: string
}

/** The files of a model at one commit, by path. */
export type HubTree = ReadonlyMap<string, HubFile>

/** What the tree's API says of an entry, as far as it can be trusted: not at all. */
export interface TreeEntry {
  readonly type?: unknown
  readonly path?: unknown
  readonly size?: unknown
  readonly oid?: unknown
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown } | undefined
}

const SHA1 = /^[0-9a-f]{40}$/
const SHA256 = /^[0-9a-f]{64}$/
const FORMAT_VERSION = 1

/** The name of a file's blob in the cache, which is the checksum of its content. */
export function etagOf({ sha256, blobId }: HubFile): string {
  return sha256 ?? blobId
}

/**
 * A file of the API's listing. Undefined for a folder, and for what must not be fetched: a name that
 * leads out of the cache, a checksum or a size that is none. To a loader such a file does not exist.
 */
export function fileOfEntry(entry: TreeEntry): readonly [string, HubFile] | undefined {
  if (entry.type !== 'file' || typeof entry.path !== 'string') return undefined
  const { lfs } = entry
  const file = checkedFile(lfs?.size ?? entry.size, entry.oid, lfs?.oid)
  return file && isSafePath(entry.path) ? [entry.path, file] : undefined
}

function checkedFile(size: unknown, blobId: unknown, sha256: unknown): HubFile | undefined {
  if (!Number.isSafeInteger(size) || (size as number) < 0) return undefined
  if (typeof blobId !== 'string' || !SHA1.test(blobId)) return undefined
  if (sha256 === undefined || sha256 === null) return { size: size as number, blobId }
  if (typeof sha256 !== 'string' || !SHA256.test(sha256)) return undefined
  return { size: size as number, blobId, sha256 }
}

/**
 * The text of `trees/COMMIT.json`, in the format of Python's `huggingface_hub` (`_tree_cache.py`):
 * what is listed at a commit never changes, so it is asked for once.
 */
export function formatTree(tree: HubTree): string {
  const files = [...tree]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file]) => {
      const large = file.sha256 && { lfs_sha256: file.sha256, lfs_size: file.size }
      return [path, { size: file.size, blob_id: file.blobId, ...large }]
    })
  return JSON.stringify(
    { format_version: FORMAT_VERSION, files: Object.fromEntries(files) },
    null,
    1
  )
}

/** The listing of such a file; undefined where it is damaged or of another format. */
export function parseTree(json: string): HubTree | undefined {
  try {
    const { format_version, files } = JSON.parse(json)
    if (format_version !== FORMAT_VERSION || typeof files !== 'object') return undefined
    const tree = new Map<string, HubFile>()
    for (const [path, entry] of Object.entries<Record<string, unknown>>(files)) {
      const file = checkedFile(entry.lfs_size ?? entry.size, entry.blob_id, entry.lfs_sha256)
      if (file !== undefined && isSafePath(path)) tree.set(path, file)
    }
    return tree
  } catch {
    return undefined
  }
}
