import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type BarChart, renderBarCharts } from '../../src/cli/bar-chart.ts'
import { type Expansion, renderExpansions } from '../../src/cli/commands/expand.ts'
import { displayWidth, padEnd, shorten, wrap } from '../../src/cli/display-width.ts'
import { painter, type Terminal } from '../../src/cli/terminal.ts'
import { jsonLines, runCli } from './run-cli.ts'

const golden = JSON.parse(
  readFileSync(new URL('../golden/splade-tiny.json', import.meta.url), 'utf8')
)
const modelFolder = fileURLToPath(new URL('../../models/splade-tiny', import.meta.url))
const ESCAPE = '\u001b'
const plain: Terminal = { columns: 80, paint: painter(1), hasShades: false }

describe('esplanade expand', () => {
  it('gives the terms and weights of the reference with --json', async () => {
    const { text, terms, max, input_ids } = golden.cases[0]
    const result = await runCli(['expand', text, '--json', '--tokens'])
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const [expansion] = jsonLines<Expansion>(result)
    const byId = [...expansion!.terms!].sort((a, b) => a.termId - b.termId)
    expect(byId.map(term => term.termId)).toEqual(terms)
    byId.forEach((term, i) => {
      expect(term.weight).toBeCloseTo(max[i], 4)
      expect(term.expansion).toBe(!input_ids.includes(term.termId))
    })
    const weights = expansion!.terms!.map(term => term.weight)
    expect(weights).toEqual([...weights].sort((a, b) => b - a))
    expect(expansion!.numActiveTerms).toBe(terms.length)
    expect(expansion!.tokens!.map(token => token.id)).toEqual(input_ids)
    const inside = expansion!.tokens!.filter(token => !token.special)
    for (const { token, start, end } of inside) {
      expect(text.slice(start, end).toLowerCase()).toBe(token.replace('##', ''))
    }
  })

  it('shows models side by side, with the number of active terms, without colours in a pipe', async () => {
    const args = ['expand', 'The ferry crosses the strait', '--top', '3']
    const { code, stdout } = await runCli([
      ...args,
      '--model',
      'splade-tiny',
      '--model',
      modelFolder
    ])
    expect(code).toBe(0)
    expect(stdout).not.toContain(ESCAPE)
    const lines = stdout.trimEnd().split('\n')
    // Two of one name are told apart by what was given.
    expect(lines[0]).toMatch(/^splade-tiny +\S*\/models\/sp/)
    expect(lines[1]).toMatch(/^(\d+ active terms, \+ \d+ expansion) +\1$/)
    // Heading, subtitle, blank line, three terms, what is left out; blank line, what is common.
    const common = lines.slice(8)
    expect(common.join(' ')).toMatch(/^\d+ terms in both: \S+ \S+ \S+ /)
    expect(common.length).toBeLessThanOrEqual(2)
    expect(lines[3]).toMatch(/^[ +] (\S+) +\d\.\d\d +█+.? +[ +] \1 /)
    expect(lines.every(line => displayWidth(line) <= 80)).toBe(true)
    const colored = await runCli(args, { env: { FORCE_COLOR: '1' } })
    expect(colored.stdout).toContain(`${ESCAPE}[1msplade-tiny`)
  })

  it('predicts each [MASK], and refuses a text without one', async () => {
    const text = 'The [MASK] barked at the [MASK].'
    const result = await runCli(['expand', text, '--mask', '--top', '5', '--json'])
    const [{ masks }] = jsonLines<Required<Expansion>>(result) as [Required<Expansion>]
    expect(masks.map(terms => terms.length)).toEqual([5, 5])
    for (const terms of masks) {
      const probabilities = terms.map(term => term.probability)
      expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a))
      expect(probabilities.reduce((a, b) => a + b)).toBeLessThanOrEqual(1)
    }
    const shown = await runCli(['expand', text, '--mask', '--top', '5'])
    expect(shown.stdout).toContain('[MASK] 2 of 2')
    for (const { term } of masks.flat()) expect(shown.stdout).toContain(term)
    const refused = await runCli(['expand', 'The dog barked.', '--mask'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('[INVALID_ARGUMENT]')
  })

  it('says what it cuts off', async () => {
    const text = 'one two three four five six seven eight nine ten'
    const { stdout } = await runCli(['expand', text, '--max-tokens', '6'])
    expect(stdout).toContain('6 tokens; 6 more are left out')
  })

  it('tells a wrong model (1) from wrong usage (2)', async () => {
    const noModel = await runCli(['expand', 'text', '--model', 'no-such-model'])
    expect(noModel).toMatchObject({ code: 1, stdout: '' })
    expect(noModel.stderr).toContain('[MODEL_NOT_FOUND]')
    for (const args of [['--top', '0'], ['--top', 'many'], ['--nope']]) {
      expect(await runCli(['expand', 'text', ...args])).toMatchObject({ code: 2, stdout: '' })
    }
    expect((await runCli(['expand', 'two', 'texts'])).code).toBe(2)
  })
})

describe('the chart', () => {
  const chart = (labels: readonly string[]): BarChart => ({
    title: 'a-model-with-a-rather-long-name/and-a-version',
    subtitle: `${labels.length} active terms, + 1 expansion`,
    bars: labels.map((label, i) => ({
      mark: i % 2 === 0 ? ' ' : '+',
      label,
      figure: (3 / (i + 1)).toFixed(2),
      fraction: 1 / (i + 1)
    })),
    footer: ''
  })

  it.each([
    [40, 4],
    [80, 2],
    [120, 1]
  ])('of four models fits %i columns in %i rows, however wide the terms', (columns, numRows) => {
    const charts = Array.from({ length: 4 }, () =>
      chart(['electroencephalographically', '東京特許許可局', '👩‍👩‍👧‍👧', 'é'])
    )
    const lines = renderBarCharts(charts, { ...plain, columns }).split('\n')
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(columns)
    expect(lines.filter(line => line.includes('東'))).toHaveLength(numRows)
  })

  it('draws bars in proportion, and something for what is small', () => {
    const lines = renderBarCharts([chart(['a', 'b', 'c'])], plain)
      .split('\n')
      .slice(3, 6)
    const cells = lines.map(line => line.replaceAll(/[^▏▎▍▌▋▊▉█]/g, '').length)
    expect(cells[0]! / cells[1]!).toBeCloseTo(2, 1)
    const tiny = chart(['a'])
    const bars = [{ ...tiny.bars[0]!, fraction: 1e-6 }]
    expect(renderBarCharts([{ ...tiny, bars }], plain)).toContain('▏')
  })

  it('stands beside those of other models, without bars where the terminal is narrow', () => {
    const term = (name: string, weight: number) => ({
      term: name,
      termId: 1,
      weight,
      expansion: false
    })
    const of = (model: string, names: string[]): Expansion => ({
      model,
      text: 't',
      numTokens: 3,
      numTruncated: 0,
      tokens: [{ token: 'tide', id: 5, start: 0, end: 4, special: false }],
      numActiveTerms: names.length,
      numExpansionTerms: 0,
      terms: names.map((name, i) => term(name, 2 / (i + 1)))
    })
    const expansions = [
      of('first', ['electroencephalogram', 'tide', 'moon']),
      of('second', ['tide', 'moon', 'sea']),
      of('third', ['moon', 'tide'])
    ]
    const shown = renderExpansions(expansions, plain, 2)
    expect(shown.split('\n')).toEqual([
      'first, second, third: 1 token',
      '  tide',
      '',
      'first                       second                      third',
      '3 active terms, + 0         3 active terms, + 0         2 active terms, + 0',
      'expansion                   expansion                   expansion',
      '',
      '  electroencephal…  2.00      tide  2.00                  moon  2.00',
      '  tide              1.00      moon  1.00                  tide  1.00',
      '… 1 more (--top)            … 1 more (--top)',
      '',
      '2 terms in all 3: tide moon',
      ''
    ])
    const stacked = renderExpansions(expansions, { ...plain, columns: 40 }, 2).split('\n')
    expect(stacked.filter(line => /^(first|second|third)$/.test(line))).toHaveLength(3)
    expect(stacked.some(line => line.includes('█'))).toBe(true)
  })

  it('shows an empty vector as what it is', () => {
    const empty = { model: 'm', text: '', numTokens: 2, numTruncated: 0, terms: [] }
    const shown = renderExpansions([{ ...empty, numActiveTerms: 0, numExpansionTerms: 0 }], plain)
    expect(shown).toBe('m\n0 active terms, + 0 expansion\n')
  })
})

describe('cells of a terminal', () => {
  it.each([
    ['abc', 3],
    ['e\u0301', 1],
    ['東京', 4],
    ['👩‍👩‍👧‍👧', 2],
    ['\u200b\u0007', 0],
    ['', 0]
  ])('%j takes %i', (text, width) => {
    expect(displayWidth(text)).toBe(width)
    expect(displayWidth(padEnd(text, 9))).toBe(9)
  })

  it('shortens and wraps without cutting a character in two', () => {
    expect(shorten('👩‍👩‍👧‍👧👩‍👩‍👧‍👧👩‍👩‍👧‍👧', 5)).toBe('👩‍👩‍👧‍👧👩‍👩‍👧‍👧…')
    expect(shorten('a\u001b[31m\n b', 20)).toBe('a[31m b')
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k'])
    expect(wrap('one two three four', 7, 2)).toEqual(['one two', 'three…'])
  })
})
