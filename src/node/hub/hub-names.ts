import { EsplanadeError } from '../../errors.ts'

/** Letters, digits, `-`, `_` and `.`, none of the last three at either end, as the hub has it. */
const NAME_PART = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/

/** What no name of a file may hold on one platform or another, control characters among it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NOT_IN_FILES = /[\u0000-\u001f\u007f\\:*?"<>|]/

const COMMIT = /^[0-9a-f]{40}$/

/** Whether a name is one of the hub's: `org/name`. It says nothing about local folders. */
export function isHubName(name: string): boolean {
  const parts = name.split('/')
  return (
    parts.length === 2 &&
    parts.every(part => NAME_PART.test(part) && !/--|\.\./.test(part)) &&
    !name.endsWith('.git')
  )
}

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision)
}

/**
 * Whether a path from a server or a file stays within the folder that it is joined to, on every
 * platform: relative, without `..`, drives and backslashes.
 */
export function isSafePath(path: string): boolean {
  const parts = path.split('/')
  return (
    path.length <= 1024 &&
    !NOT_IN_FILES.test(path) &&
    // Windows drops dots and spaces at the end of a name, so that `.. ` is `..` there.
    parts.every(part => part !== '' && part !== '.' && !/[. ]$/.test(part))
  )
}

/**
 * A revision that can be asked for and kept: git allows no `..` in one either.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function checkedRevision(revision: string): string {
  if (isSafePath(revision) && !/\.\.|[\s~^]|@\{|^-/.test(revision)) return revision
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'revision',
    problem: `${JSON.stringify(revision)} is no revision`,
    expected: 'a branch, a tag or a commit'
  })
}
