import { readFile, writeFile } from 'node:fs/promises'
import { EsplanadeError } from 'esplanade'

/** What decides the lines of a run: the model and the options, by their names. */
export type WorkRecord = Readonly<Record<string, string | number | boolean | undefined>>

/** Where it is kept while the work lasts. */
export function recordPath(partial: string): string {
  return `${partial}.json`
}

/** Keeps beside unfinished work what it was begun with. */
export async function writeRecord(partial: string, record: WorkRecord): Promise<void> {
  await writeFile(recordPath(partial), `${JSON.stringify(record)}\n`)
}

/**
 * Refuses to go on with work that was begun in another way. Work without a record, or whose record
 * was lost, passes.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export async function checkRecord(partial: string, record: WorkRecord): Promise<void> {
  const before = await readRecord(partial)
  if (before === undefined) return
  const differing = Object.keys({ ...before, ...record }).find(
    name => before[name] !== record[name]
  )
  if (differing === undefined) return
  const [then, now] = [before, record].map(({ [differing]: value }) => value ?? 'left out')
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: partial,
    problem: `it was begun with ${differing} ${then}, which is now ${now}`,
    expected: 'the input, model and options that the file was begun with',
    remedy: 'Repeat the command as it was, or delete the file to begin anew'
  })
}

async function readRecord(partial: string): Promise<WorkRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(recordPath(partial), 'utf8'))
    return typeof record === 'object' && record !== null ? record : undefined
  } catch {
    return undefined
  }
}
