import { Command } from 'commander'
import { SparseEncoder, type TermWeight } from 'esplanade/encoder'
import { type BarChart, renderBarCharts } from '../bar-chart.ts'
import { wrap } from '../display-width.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  precisionOption,
  revisionOption
} from '../model-options.ts'
import { count, repeated } from '../options.ts'
import { idfOption, type QueryFlags, queryModeOption, queryOptions } from '../query-mode-option.ts'
import { counted } from '../readable.ts'
import { type Terminal, terminalOf } from '../terminal.ts'
import { type ShownToken, tokenLines } from '../token-lines.ts'

interface ExpandFlags extends ModelFlags, QueryFlags {
  readonly model?: string[]
  readonly top?: number
  readonly tokens?: boolean
  readonly mask?: boolean
  readonly json?: boolean
}

/** Lines of a chart unless `--top` says otherwise. */
const DEFAULT_TOP = 20
const DEFAULT_TOP_MASKED = 10

const HELP = `
A term marked + is an expansion term: the model added it, the text's own tokens lack it.
--json writes one object a model, with every term unless --top is given.

  esplanade expand "How do vaccines work?" --tokens
  esplanade expand "How do vaccines work?" --model splade-tiny --model ./another
  esplanade expand "Paris is the [MASK] of France." --mask`

/** `expand`: the bag of words that a text becomes. */
export function expandCommand(): Command {
  return new Command('expand')
    .description('Show the bag of words that a text becomes.')
    .argument('<text>', 'the text')
    .option('--top <n>', `terms to show (default: ${DEFAULT_TOP})`, count(1))
    .option(
      '--model <model>',
      'name or folder of a model, or org/name on the hub; give several to compare',
      repeated
    )
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(precisionOption())
    .addOption(maxTokensOption())
    .addOption(queryModeOption('the text is a query, which becomes a vector in this way'))
    .addOption(idfOption())
    .option('--tokens', 'the word pieces of the text, too')
    .option('--mask', 'instead: what the masked-language head predicts for each [MASK] (or <mask>)')
    .option('--json', 'one JSON object a model')
    .addHelpText('after', HELP)
    .action(expand)
}

async function expand(text: string, flags: ExpandFlags): Promise<void> {
  const models = flags.model ?? ['splade-tiny']
  const expansions: Expansion[] = []
  for (const model of models) {
    await using encoder = await SparseEncoder.load(model, loadOptions(flags))
    expansions.push(await expansionOf(encoder, text, flags))
  }
  if (flags.json) {
    for (const expansion of expansions) {
      const shown = { ...expansion, terms: expansion.terms?.slice(0, flags.top) }
      process.stdout.write(`${JSON.stringify(shown)}\n`)
    }
    return
  }
  const titled = expansions.map((expansion, i) => {
    const isAmbiguous = expansions.some((one, j) => j !== i && one.model === expansion.model)
    return isAmbiguous ? { ...expansion, model: models[i]! } : expansion
  })
  process.stdout.write(renderExpansions(titled, terminalOf(process.stdout), flags.top))
}

/** What one model makes of a text; `--json` prints it as it stands. */
export interface Expansion {
  readonly model: string
  readonly text: string
  /** Tokens that the model reads, the special ones included. */
  readonly numTokens: number
  /** Tokens beyond those that it reads. */
  readonly numTruncated: number
  /** Asked for with `--tokens`; `start` and `end` are UTF-16 offsets into the text. */
  readonly tokens?: readonly ShownToken[]
  /** Without `--mask`. */
  readonly numActiveTerms?: number
  readonly numExpansionTerms?: number
  /** By descending weight. */
  readonly terms?: readonly (TermWeight & { readonly expansion: boolean })[]
  /** With `--mask`: what the model calls it, such as `[MASK]`. */
  readonly maskToken?: string
  /** With `--mask`: for each mask its most probable terms. */
  readonly masks?: readonly (readonly {
    readonly term: string
    readonly termId: number
    readonly probability: number
  }[])[]
}

/** Programs get the terms as the model writes them, people as they would. */
async function expansionOf(
  encoder: SparseEncoder,
  text: string,
  flags: ExpandFlags
): Promise<Expansion> {
  const { top, tokens, mask } = flags
  const { ids, offsets, numTruncated } = encoder.tokenizer.encode(text, {
    maxTokens: encoder.maxTokens
  })
  const { vocabulary } = encoder
  const query = await queryOptions(flags, encoder)
  const termOf = flags.json ? vocabulary.termOf : vocabulary.display
  const pieces = Array.from(ids, (id, i) => ({
    token: termOf(id),
    id,
    start: offsets[2 * i]!,
    end: offsets[2 * i + 1]!,
    special: vocabulary.isSpecial(id)
  }))
  const common = {
    model: encoder.name,
    text,
    numTokens: ids.length,
    numTruncated,
    ...(tokens && { tokens: pieces })
  }
  if (mask) {
    const predicted = await encoder.predictMasked(text, { top: top ?? DEFAULT_TOP_MASKED })
    const masks = predicted.map(terms =>
      terms.map(({ termId, weight }) => ({ term: termOf(termId), termId, probability: weight }))
    )
    const maskToken = vocabulary.termOf(encoder.tokenizer.specialTokens.mask!)
    return { ...common, maskToken, masks }
  }
  const own = new Set(ids)
  const vector =
    query.queryMode === undefined
      ? await encoder.encodeDocument(text)
      : await encoder.encodeQuery(text, query)
  const terms = encoder.decode(vector).map(({ termId, weight }) => ({
    termId,
    term: termOf(termId),
    weight,
    expansion: !own.has(termId)
  }))
  return {
    ...common,
    numActiveTerms: terms.length,
    numExpansionTerms: terms.filter(term => term.expansion).length,
    terms
  }
}

/**
 * What a person reads: word pieces, then one chart a model, or for each `[MASK]` one a model.
 *
 * @param top - terms of a chart
 */
export function renderExpansions(
  expansions: readonly Expansion[],
  terminal: Terminal,
  top: number = DEFAULT_TOP
): string {
  const pieces = groupedByTokens(expansions).map(group => renderTokens(group, terminal))
  const cut = expansions
    .filter(({ numTruncated }) => numTruncated > 0)
    .map(({ model, numTokens, numTruncated }) => {
      const what = `${model} reads ${numTokens} tokens; ${numTruncated} more are left out`
      return `${terminal.paint(`${what} (--max-tokens)`, 'yellow')}\n`
    })
  return [...pieces, ...cut, ...renderCharts(expansions, terminal, top)].join('\n')
}

function renderCharts(expansions: readonly Expansion[], terminal: Terminal, top: number): string[] {
  const masks = expansions.map(maskCharts)
  const numMasks = masks[0]?.length ?? 0
  if (numMasks > 0) {
    // The masks of one model stand side by side, else the models for each mask.
    if (masks.length === 1) return [renderBarCharts(masks[0]!, terminal)]
    return Array.from({ length: numMasks }, (_, i) =>
      renderBarCharts(
        masks.flatMap(charts => charts[i] ?? []),
        terminal
      )
    )
  }
  const charts = renderBarCharts(
    expansions.map(expansion => termChart(expansion, top)),
    terminal
  )
  return expansions.length < 2 ? [charts] : [charts, inCommon(expansions, terminal)]
}

/** How many terms the models agree on. */
function inCommon(expansions: readonly Expansion[], { columns, paint }: Terminal): string {
  const [first = [], ...others] = expansions.map(({ terms = [] }) => terms.map(({ term }) => term))
  const sets = others.map(terms => new Set(terms))
  const common = [...new Set(first)].filter(term => sets.every(set => set.has(term)))
  const all = expansions.length === 2 ? 'both' : `all ${expansions.length}`
  const line = `${counted(common.length, 'term')} in ${all}`
  const shown = common.length === 0 ? line : `${line}: ${common.join(' ')}`
  return wrap(shown, columns, 2)
    .map(part => `${paint(part, 'dim')}\n`)
    .join('')
}

/** Expansions with their tokens, those of the same tokens together. */
function groupedByTokens(expansions: readonly Expansion[]): Expansion[][] {
  const groups = new Map<string, Expansion[]>()
  for (const expansion of expansions) {
    if (expansion.tokens === undefined) continue
    const key = JSON.stringify(expansion.tokens.map(({ token }) => token))
    groups.set(key, [...(groups.get(key) ?? []), expansion])
  }
  return [...groups.values()]
}

function renderTokens(group: readonly Expansion[], terminal: Terminal): string {
  const { tokens = [], text = '' } = group[0] ?? {}
  const models = group.map(({ model }) => model).join(', ')
  const heading = wrap(`${models}: ${counted(tokens.length, 'token')}`, terminal.columns)
    .map(line => `${terminal.paint(line, 'bold')}\n`)
    .join('')
  const lines = tokenLines(text, tokens, { ...terminal, columns: terminal.columns - 2 })
  return `${heading}${lines.map(line => `  ${line}\n`).join('')}`
}

function termChart(expansion: Expansion, top: number): BarChart {
  const { model, numActiveTerms = 0, numExpansionTerms = 0 } = expansion
  const terms = expansion.terms?.slice(0, top) ?? []
  const largest = terms[0]?.weight ?? 1
  const numHidden = numActiveTerms - terms.length
  return {
    title: model,
    subtitle: `${numActiveTerms} active terms, + ${numExpansionTerms} expansion`,
    bars: terms.map(term => ({
      mark: term.expansion ? '+' : ' ',
      label: term.term,
      figure: term.weight.toFixed(2),
      fraction: term.weight / largest,
      ...(term.expansion && { style: 'cyan' as const })
    })),
    footer: numHidden > 0 ? `… ${numHidden} more (--top)` : ''
  }
}

function maskCharts({ model, maskToken = '', masks = [] }: Expansion): BarChart[] {
  return masks.map((terms, i) => ({
    title: model,
    subtitle: masks.length === 1 ? maskToken : `${maskToken} ${i + 1} of ${masks.length}`,
    bars: terms.map(({ term, probability }) => ({
      mark: ' ',
      label: term,
      figure: `${(100 * probability).toFixed(1)} %`,
      fraction: probability
    })),
    footer: ''
  }))
}
