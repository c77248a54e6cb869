import { Command } from 'commander'
import { SparseEncoder, type TermWeight } from 'esplanade/encoder'
import { type BarChart, renderBarCharts } from '../bar-chart.ts'
import { wrap } from '../display-width.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  revisionOption
} from '../model-options.ts'
import { count, repeated } from '../options.ts'
import { type Terminal, terminalOf } from '../terminal.ts'

interface ExpandFlags extends ModelFlags {
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
    .addOption(maxTokensOption())
    .option('--tokens', 'the word pieces of the text, too')
    .option('--mask', 'instead: what the masked-language head predicts for each [MASK]')
    .option('--json', 'one JSON object a model')
    .addHelpText('after', HELP)
    .action(expand)
}

async function expand(text: string, flags: ExpandFlags): Promise<void> {
  const expansions: Expansion[] = []
  for (const model of flags.model ?? ['splade-tiny']) {
    await using encoder = await SparseEncoder.load(model, loadOptions(flags))
    expansions.push(await expansionOf(encoder, text, flags))
  }
  process.stdout.write(
    flags.json
      ? expansions.map(expansion => `${JSON.stringify(expansion)}\n`).join('')
      : renderExpansions(expansions, terminalOf(process.stdout))
  )
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
  readonly tokens?: readonly {
    readonly token: string
    readonly id: number
    readonly start: number
    readonly end: number
    readonly special: boolean
  }[]
  /** Without `--mask`. */
  readonly numActiveTerms?: number
  readonly numExpansionTerms?: number
  /** By descending weight. */
  readonly terms?: readonly (TermWeight & { readonly expansion: boolean })[]
  /** With `--mask`: for each `[MASK]` its most probable terms. */
  readonly masks?: readonly (readonly {
    readonly term: string
    readonly termId: number
    readonly probability: number
  }[])[]
}

async function expansionOf(
  encoder: SparseEncoder,
  text: string,
  { top, tokens, mask, json }: ExpandFlags
): Promise<Expansion> {
  const { ids, offsets, numTruncated } = encoder.tokenizer.encode(text, {
    maxTokens: encoder.maxTokens
  })
  const { vocabulary } = encoder
  const pieces = Array.from(ids, (id, i) => ({
    token: vocabulary.termOf(id),
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
      terms.map(({ term, termId, weight }) => ({ term, termId, probability: weight }))
    )
    return { ...common, masks }
  }
  const own = new Set(ids)
  const terms = encoder
    .decode(await encoder.encodeDocument(text))
    .map(term => ({ ...term, expansion: !own.has(term.termId) }))
  return {
    ...common,
    numActiveTerms: terms.length,
    numExpansionTerms: terms.filter(term => term.expansion).length,
    terms: terms.slice(0, top ?? (json ? terms.length : DEFAULT_TOP))
  }
}

/** What a person reads: word pieces, then one chart a model, or one a model and `[MASK]`. */
export function renderExpansions(expansions: readonly Expansion[], terminal: Terminal): string {
  const pieces = expansions
    .filter(expansion => expansion.tokens !== undefined)
    .map(expansion => renderTokens(expansion, terminal))
  const cut = expansions
    .filter(({ numTruncated }) => numTruncated > 0)
    .map(({ model, numTokens, numTruncated }) => {
      const what = `${model} reads ${numTokens} tokens; ${numTruncated} more are left out`
      return `${terminal.paint(`${what} (--max-tokens)`, 'yellow')}\n`
    })
  const charts = expansions.flatMap(expansion =>
    expansion.masks === undefined ? [termChart(expansion)] : maskCharts(expansion)
  )
  return [...pieces, ...cut, renderBarCharts(charts, terminal)].join('\n')
}

function renderTokens({ model, tokens = [] }: Expansion, { columns, paint }: Terminal): string {
  const special = new Set(tokens.filter(token => token.special).map(({ token }) => token))
  const lines = wrap(tokens.map(({ token }) => token).join(' '), columns - 2).map(line =>
    line
      .split(' ')
      .map(token => (special.has(token) || token.startsWith('##') ? paint(token, 'dim') : token))
      .join(' ')
  )
  const heading = `${paint(`${model}: ${tokens.length} tokens`, 'bold')}\n`
  return `${heading}${lines.map(line => `  ${line}\n`).join('')}`
}

function termChart(expansion: Expansion): BarChart {
  const { model, terms = [], numActiveTerms = 0, numExpansionTerms = 0 } = expansion
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

function maskCharts({ model, masks = [] }: Expansion): BarChart[] {
  return masks.map((terms, i) => ({
    title: model,
    subtitle: masks.length === 1 ? '[MASK]' : `[MASK] ${i + 1} of ${masks.length}`,
    bars: terms.map(({ term, probability }) => ({
      mark: ' ',
      label: term,
      figure: `${(100 * probability).toFixed(1)} %`,
      fraction: probability
    })),
    footer: ''
  }))
}
