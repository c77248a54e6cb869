import { type ErrorCode, EsplanadeError } from '../errors.ts'

const PROBLEMS: Readonly<Record<string, { problem: string; remedy: string }>> = {
  ENOENT: { problem: 'no such file or folder', remedy: 'Check the path' },
  EACCES: { problem: 'no permission', remedy: 'Change its permissions or choose another place' },
  EPERM: { problem: 'no permission', remedy: 'Change its permissions or choose another place' },
  EROFS: { problem: 'the file system is read-only', remedy: 'Choose another place' },
  ENOSPC: { problem: 'the disk is full', remedy: 'Free some space and run again' },
  EDQUOT: { problem: 'the disk quota is used up', remedy: 'Free some space and run again' },
  EISDIR: { problem: 'a folder where a file is due', remedy: 'Give the path of a file' },
  ENOTDIR: { problem: 'a part of the path is a file', remedy: 'Check the path' },
  EEXIST: { problem: 'it exists already', remedy: 'Choose another place' },
  Z_DATA_ERROR: {
    problem: 'not a whole gzip file',
    remedy: 'Pack it again, or give it a name without .gz'
  },
  Z_BUF_ERROR: {
    problem: 'not a whole gzip file',
    remedy: 'Pack it again, or give it a name without .gz'
  },
  EMFILE: { problem: 'too many open files', remedy: 'Raise the limit of open files' }
}

/**
 * An operating system's error as ours: `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_UNWRITABLE` or,
 * for a task that was stopped, `ABORTED`; with the path and what to do. An error that is ours already passes unchanged.
 */
export function fileError(cause: unknown, path: string, action: 'read' | 'write'): EsplanadeError {
  if (cause instanceof EsplanadeError) return cause
  const { code: errno = '', message, name } = cause as NodeJS.ErrnoException
  if (name === 'AbortError') {
    const done = action === 'read' ? 'reading' : 'writing'
    return new EsplanadeError('ABORTED', { place: path, problem: `${done} was stopped`, cause })
  }
  const known = PROBLEMS[errno]
  const isAbsent = errno === 'ENOENT' || errno === 'ENOTDIR'
  const unusable: ErrorCode = action === 'read' ? 'FILE_UNREADABLE' : 'FILE_UNWRITABLE'
  return new EsplanadeError(isAbsent && action === 'read' ? 'FILE_NOT_FOUND' : unusable, {
    place: path,
    problem: known?.problem ?? `it cannot be ${action === 'read' ? 'read' : 'written'}: ${message}`,
    remedy: known?.remedy ?? 'Check the path',
    cause
  })
}
