import { EsplanadeError } from '../errors.ts'
import { bm25 } from '../lexical/bm25.ts'
import type { WordTermOptions, WordTermSettings } from '../lexical/word-terms.ts'
import type { Metric } from '../vector/similarity.ts'
import type { RefuseFile } from './checked-json.ts'

/** Where words begin in a collection without a model: ids of ready vectors must be below. */
const FIRST_WITHOUT_MODEL = 2 ** 31

/**
 * What a new collection records of its words.
 *
 * @param wanted - default: on where the collection has a model and compares by the dot product
 * @param vocabularySize - terms of the model; undefined where there is none
 * @returns undefined where words are no terms
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function newLexicalSettings(
  wanted: boolean | WordTermOptions | undefined,
  vocabularySize: number | undefined,
  metric: Metric
): WordTermSettings | undefined {
  const isWanted = wanted ?? (vocabularySize !== undefined && metric === 'dot')
  if (isWanted === false) return undefined
  if (metric === 'cosine') {
    refuse(
      'lexical',
      true,
      'the metric dot: the cosine would divide by the length of the words too'
    )
  }
  const options = typeof isWanted === 'object' ? isWanted : {}
  checkLexicalOptions(options)
  const { analyzer = 'english', beta = 1 } = options
  const { delta, ...parameters } = bm25(options)
  return {
    analyzer,
    ...parameters,
    ...(parameters.variant === 'bm25+' && { delta }),
    beta,
    firstTermId: vocabularySize ?? FIRST_WITHOUT_MODEL
  }
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkLexicalOptions(given: boolean | WordTermOptions | undefined): void {
  if (given === undefined || typeof given === 'boolean') return
  if (typeof given !== 'object' || given === null)
    refuse('lexical', given, 'true, false or options')
  const { analyzer = 'english', beta = 1 } = given
  bm25(given)
  if (analyzer !== 'english') refuse('lexical.analyzer', analyzer, 'english')
  if (!(beta > 0 && Number.isFinite(beta))) refuse('lexical.beta', beta, 'a number above 0')
}

/** How a message says what a collection was made with. */
export function lexicalName(settings: WordTermSettings | undefined): string {
  if (settings === undefined) return 'no lexical terms'
  const { firstTermId: _, ...shown } = settings
  const parameters = Object.entries(shown).map(([name, value]) => `${name} ${value}`)
  return `lexical terms (${parameters.join(', ')})`
}

/** In what recorded settings are not those that are asked for, in words; undefined: they are. */
export function lexicalDifference(
  recorded: WordTermSettings | undefined,
  wanted: boolean | WordTermOptions
): string | undefined {
  if (wanted === false) return recorded && 'none were asked for'
  if (recorded === undefined) return 'lexical terms were asked for'
  const given = Object.entries(wanted === true ? {} : wanted)
  const other = given.find(
    ([name, value]) => value !== undefined && value !== recorded[name as keyof WordTermSettings]
  )
  return other && `${other[0]} ${other[1]} was asked for`
}

/** Checks what `settings.json` says. */
export function checkLexicalRecord(record: Record<string, unknown>, refuseFile: RefuseFile): void {
  const { firstTermId, ...options } = record
  const isTermId =
    Number.isSafeInteger(firstTermId) && Number(firstTermId) >= 1 && Number(firstTermId) < 2 ** 32
  if (!isTermId) {
    refuseFile(`lexical.firstTermId is ${JSON.stringify(firstTermId)}`, '1 to 2^32 − 1')
  }
  for (const name of ['analyzer', 'variant', 'k1', 'b', 'beta']) {
    if (options[name] === undefined) refuseFile(`lexical has no ${name}`)
  }
  try {
    checkLexicalOptions(options as WordTermOptions)
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    refuseFile(`${error.place}: ${error.problem}`, error.expected)
  }
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `${JSON.stringify(given)} does not go`,
    expected
  })
}
