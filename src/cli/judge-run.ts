import { EsplanadeError } from 'esplanade'

/** The files that a run and judgements were read from. */
export interface JudgedFiles {
  readonly run: string
  readonly qrels: string
}

/**
 * Judges, and says of which file it is what cannot be judged: the library knows a run and judgements,
 * but not where they come from.
 *
 * @throws EsplanadeError what `judge` throws, with the file in its place
 */
export function judgeRun<T>(files: JudgedFiles, judge: () => T): T {
  try {
    return judge()
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    const { code, problem, expected, remedy } = error
    const kind = code === 'RUN_INVALID' ? 'run' : code === 'QRELS_INVALID' ? 'qrels' : undefined
    if (kind === undefined) throw error
    const place = error.place === kind ? files[kind] : `${files[kind]}, ${error.place}`
    throw new EsplanadeError(code, { place, problem, expected, remedy, cause: error })
  }
}
