import { InvalidArgumentError, Option } from 'commander'
import { EsplanadeError, type OpenOptions } from 'esplanade'
import { list } from './options.ts'

/** The lists that a collection may keep. */
const LISTS = ['sparse', 'bm25', 'dense'] as const
type List = (typeof LISTS)[number]

/** Options that say what a collection is searched by. */
export interface IndexModeFlags {
  readonly model?: string
  readonly lexical?: boolean
  readonly denseModel?: string
  readonly mode?: readonly List[]
  readonly denseIndex?: 'flat' | 'hnsw'
}

/** `--dense-model`. */
export function denseModelOption(): Option {
  return new Option(
    '--dense-model <model>',
    'encodes texts as dense vectors too: folder, or org/name on the hub; none: none does (default: the one that the collection has)'
  )
}

/** `--dense-index`. */
export function denseIndexOption(): Option {
  return new Option(
    '--dense-index <index>',
    'how dense vectors are found: flat scans all, which is exact; hnsw keeps graphs, which is faster and may miss a hit, and needs the package usearch (default: flat)'
  ).choices(['flat', 'hnsw'])
}

/** `--mode`: which lists a collection keeps. */
export function keptModesOption(): Option {
  return new Option(
    '--mode <lists>',
    'what the collection is searched by: any of sparse,bm25,dense (default: sparse,bm25, and dense with --dense-model)'
  ).argParser(value =>
    list(value).map(name => {
      const found = LISTS.find(one => one === name)
      if (found !== undefined) return found
      throw new InvalidArgumentError(`Expected some of ${LISTS.join(',')}.`)
    })
  )
}

/**
 * What a collection is to be searched by, as far as the options say so.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where two of them do not go together
 */
export function modeOptions({
  model,
  lexical,
  denseModel,
  mode,
  denseIndex
}: IndexModeFlags): Pick<OpenOptions, 'model' | 'lexical' | 'denseModel' | 'dense'> {
  const named = {
    ...(model !== undefined && { model: orNone(model) }),
    ...(denseModel !== undefined && { denseModel: orNone(denseModel) }),
    ...(denseIndex !== undefined && { dense: { index: denseIndex } })
  }
  if (mode === undefined) return { ...named, ...(lexical !== undefined && { lexical }) }
  const keeps = (name: List): boolean => mode.includes(name)
  refuseUnless(!(keeps('sparse') && named.model === null), '--model none', 'sparse')
  refuseUnless(keeps('sparse') || !named.model, `--model ${model}`, 'no sparse')
  refuseUnless(lexical !== false || !keeps('bm25'), '--no-lexical', 'bm25')
  refuseUnless(!lexical || keeps('bm25'), '--lexical', 'no bm25')
  refuseUnless(!(keeps('dense') && named.denseModel === null), '--dense-model none', 'dense')
  refuseUnless(keeps('dense') || !named.denseModel, `--dense-model ${denseModel}`, 'no dense')
  refuseUnless(keeps('dense') || !denseIndex, `--dense-index ${denseIndex}`, 'no dense')
  return {
    ...(keeps('sparse') ? {} : { model: null }),
    lexical: keeps('bm25'),
    // Without a model these are refused where the collection has none, too.
    ...(keeps('dense') ? { dense: {} } : { denseModel: null }),
    ...named
  }
}

function orNone(model: string): string | null {
  return model === 'none' ? null : model
}

function refuseUnless(goesTogether: boolean, option: string, what: string): void {
  if (goesTogether) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: '--mode',
    problem: `it names ${what}, and ${option} is given`,
    remedy: 'Leave one of the two out'
  })
}
