import { type Command, InvalidArgumentError, Option } from 'commander'
import type { HybridFusion, ListName } from 'esplanade'
import { EsplanadeError } from 'esplanade'

/** Options of commands that can fuse several lists. */
export interface FusionFlags {
  readonly fusion?: HybridFusion['method']
  readonly normalization?: Extract<HybridFusion, { readonly method: 'convex' }>['normalization']
  readonly weights?: NonNullable<HybridFusion['weights']>
}

/** `--fusion`, `--normalization` and `--weights`. */
export function addFusionOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--fusion <method>',
        'how --mode hybrid makes one order of its lists (default: convex, or as tune has learned)'
      ).choices(['convex', 'rrf', 'comb-sum', 'comb-mnz'])
    )
    .addOption(
      new Option(
        '--normalization <name>',
        'how --fusion convex makes scores comparable (default: min-max)'
      ).choices(['min-max', 'z-score', 'dbsf', 'none'])
    )
    .addOption(
      new Option(
        '--weights <list>',
        'what the lists count, such as sparse=.25,dense=.5,bm25=.25; 0 leaves one out'
      ).argParser(parseWeights)
    )
}

/**
 * The fusion that the options ask for; nothing where they ask for none.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a normalization of a method that has none
 */
export function fusionOf({ fusion, normalization, weights }: FusionFlags): {
  readonly fusion?: HybridFusion
} {
  if (fusion === undefined && normalization === undefined && weights === undefined) return {}
  const own = weights === undefined ? {} : { weights }
  const method = fusion ?? 'convex'
  if (method === 'convex') {
    return { fusion: { method, ...(normalization && { normalization }), ...own } }
  }
  if (normalization === undefined) return { fusion: { method, ...own } }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: '--normalization',
    problem: `given with --fusion ${method}`,
    expected: '--fusion convex'
  })
}

const LISTS: readonly string[] = ['sparse', 'dense', 'bm25'] satisfies ListName[]

/** Parses `sparse=.25,dense=.5`. */
function parseWeights(value: string): Partial<Record<ListName, number>> {
  const weights: Partial<Record<ListName, number>> = {}
  for (const part of value.split(',')) {
    const [name = '', number = '', ...more] = part.split('=').map(text => text.trim())
    const weight = Number(number)
    const isRight = LISTS.includes(name) && number !== '' && Number.isFinite(weight) && weight >= 0
    if (!isRight || more.length > 0 || name in weights) {
      throw new InvalidArgumentError(
        'Expected weights from 0 of sparse, dense and bm25, each once: sparse=.25,dense=.5,bm25=.25'
      )
    }
    weights[name as ListName] = weight
  }
  return weights
}
