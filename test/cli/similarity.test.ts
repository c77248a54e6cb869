import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Parser } from 'htmlparser2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { displayWidth } from '../../src/cli/display-width.ts'
import type { Heatmap } from '../../src/cli/heatmap.ts'
import { renderHeatmapSvg } from '../../src/cli/heatmap-svg.ts'
import { renderHeatmapTable } from '../../src/cli/heatmap-table.ts'
import { painter, type Terminal } from '../../src/cli/terminal.ts'
import { jsonLines, runCli } from './run-cli.ts'

const golden = JSON.parse(
  readFileSync(new URL('../golden/splade-tiny.json', import.meta.url), 'utf8')
)
const texts: string[] = golden.cases.slice(0, 3).map((one: { text: string }) => one.text)
const plain: Terminal = { columns: 80, paint: painter(1), hasShades: false }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-similarity-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Compared {
  readonly metric: string
  readonly texts: string[]
  readonly matrix: number[][]
}

describe('esplanade similarity', () => {
  it.each(['cosine', 'dot'] as const)('gives the %s of the reference', async metric => {
    const result = await runCli(['similarity', ...texts, '--metric', metric, '--json'])
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const [compared] = jsonLines<Compared>(result)
    expect(compared).toMatchObject({ metric, texts, model: 'splade-tiny' })
    compared!.matrix.forEach((row, i) => {
      row.forEach((value, j) => {
        const expected = golden.similarity_of_first_three[metric][i][j]
        expect(Math.abs(value - expected) / Math.max(1, expected)).toBeLessThan(1e-4)
      })
    })
  })

  it('shows a table and its texts, and writes the heatmap', async () => {
    const svg = join(folder, 'heatmap.svg')
    const { code, stdout } = await runCli(['similarity', ...texts, '--svg', svg])
    expect(code).toBe(0)
    expect(stdout).toContain('1  1.000 █ 0.533 ▓ 0.171 ░')
    for (const text of texts) expect(stdout.replace(/\s+/g, ' ')).toContain(text)
    const drawn = readFileSync(svg, 'utf8')
    expect(drawn.match(/>0\.533</g)).toHaveLength(2)
    expect(readdirSync(folder)).toEqual(['heatmap.svg'])
  })

  it('refuses one text (2), and a heatmap that cannot be written (1)', async () => {
    const one = await runCli(['similarity', 'only this'])
    expect(one).toMatchObject({ code: 2, stdout: '' })
    expect(one.stderr).toContain('two texts or more')
    const unwritable = await runCli(['similarity', 'a', 'b', '--svg', join(folder, 'no/h.svg')])
    expect(unwritable).toMatchObject({ code: 1, stdout: '' })
    expect(unwritable.stderr).toContain('[FILE_UNWRITABLE]')
    expect((await runCli(['similarity', 'a', 'b', '--metric', 'euclid'])).code).toBe(2)
  })
})

/** A heatmap of as many texts, the value of a pair falling with its distance. */
function heatmapOf(labels: readonly string[], max = 1): Heatmap {
  const matrix = labels.map((_, i) => labels.map((_, j) => max / (1 + Math.abs(i - j))))
  return { title: 'Cosine similarity, a-model', texts: labels, matrix, max }
}

describe('the table', () => {
  it('breaks many columns into several tables', () => {
    const labels = Array.from({ length: 20 }, (_, i) => `text ${i + 1} ${'and more '.repeat(40)}`)
    const table = renderHeatmapTable(heatmapOf(labels, 33), plain)
    expect(Math.max(...table.split('\n').map(displayWidth))).toBeLessThanOrEqual(80)
    expect(table.match(/33\.00 █/g)).toHaveLength(20)
    expect(table.match(/^ +20 {2}text 20/gm)).toHaveLength(1)
  })

  it('shades cells where the terminal has the colours', () => {
    const shaded = renderHeatmapTable(heatmapOf(['a', 'b']), { ...plain, hasShades: true })
    expect(shaded).toContain('\u001b[48;5;19m  1.000  \u001b[0m')
    expect(shaded).not.toMatch(/[░▒▓█]/)
  })

  it('leaves cells without likeness blank', () => {
    const heatmap = {
      ...heatmapOf(['a', 'b']),
      matrix: [
        [0, 0],
        [0, 0]
      ],
      max: 0
    }
    expect(renderHeatmapTable(heatmap, plain)).not.toMatch(/[░▒▓█]/)
  })
})

describe('the SVG', () => {
  /** The tags of XML in their order, and its text; fails where tags are not nested. */
  function parseXml(xml: string): { tags: string[]; text: string } {
    const tags: string[] = []
    const open: string[] = []
    for (const [, slash, name, selfClosing] of xml.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (slash === '/') expect(open.pop()).toBe(name)
      else tags.push(name!)
      if (slash === '' && selfClosing === '') open.push(name!)
    }
    expect(open).toEqual([])
    let text = ''
    const parser = new Parser(
      {
        ontext: part => {
          text += part
        }
      },
      { xmlMode: true, decodeEntities: true }
    )
    parser.end(xml)
    return { tags, text }
  }

  it('escapes what texts hold, and holds nothing that XML forbids', () => {
    const nasty = '</text><script>alert("1")</script> & \u0000\u001b\ud800\uffff ]]>'
    const svg = renderHeatmapSvg(heatmapOf([nasty, 'b', '']))
    const { tags, text } = parseXml(svg)
    expect(tags).not.toContain('script')
    expect(text).toContain('</text><script>alert("1")</script> & ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(svg).not.toMatch(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/)
    expect(svg.isWellFormed()).toBe(true)
    expect(text).toContain('(empty)')
  })

  it('can be read without seeing it', () => {
    const svg = renderHeatmapSvg(heatmapOf(['first text', 'second text', 'third text']))
    expect(svg).toMatch(/role="img" aria-labelledby="title description"/)
    expect(svg).toContain('1 and 2: 0.500; 1 and 3: 0.333; 2 and 3: 0.500.')
    // One title of the whole, one of each cell.
    expect(parseXml(svg).tags.filter(tag => tag === 'title')).toHaveLength(10)
  })

  it('keeps every cell and label inside the picture', () => {
    const labels = [
      'short',
      'a label that is much too long for one line '.repeat(6),
      'x'.repeat(300)
    ]
    const svg = renderHeatmapSvg(heatmapOf(labels, 1234.5))
    const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number)
    for (const [, x, y, w, h] of svg.matchAll(
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g
    )) {
      expect(Number(x) + Number(w)).toBeLessThanOrEqual(width!)
      expect(Number(y) + Number(h)).toBeLessThanOrEqual(height!)
    }
    expect(svg).toContain('…</tspan>')
    for (const [, line] of svg.matchAll(/<tspan[^>]*>([^<]*)</g)) {
      expect(line!.length).toBeLessThanOrEqual(44)
    }
  })
})
