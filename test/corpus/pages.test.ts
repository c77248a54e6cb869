import { describe, expect, it } from 'vitest'
import type { Document } from '../../src/corpus/document.ts'
import { readHtml } from '../../src/corpus/html.ts'
import { readMarkdown } from '../../src/corpus/markdown.ts'
import { readPlainText } from '../../src/corpus/plain-text.ts'
import { readableText } from '../../src/corpus/readable-text.ts'
import { documentsOf, errorsOf } from './readers.ts'

const options = { key: 'a/b.md', name: 'docs/a/b.md' }
const markdown = (source: string): Document => documentsOf([readMarkdown(source, options)])[0]!
const html = (source: string): Document => documentsOf([readHtml(source, options)])[0]!
const headingsOf = ({ text, borders = [] }: Document): string[] =>
  borders.map(border => text.slice(border).split('\n', 1)[0]!)

describe('Markdown', () => {
  it('becomes readable text with its headings as borders', () => {
    const source = [
      '\uFEFF---\r',
      'tags: [sea, moon]',
      'date: 2024-05-01',
      'draft: false',
      '---',
      '# The *tides* &amp; the `moon`',
      '',
      'Water [rises](https://example.org "x") **twice**',
      'a day.<br>So it is. ![A wave](w.png)',
      '',
      '## A table',
      '',
      '| place | height |',
      '|---|---|',
      '| bay | 16 m |',
      '',
      '- one',
      '  - two',
      '',
      '> quoted \\*stars\\*',
      '',
      '```js',
      'if (a < b) {',
      '  stop()',
      '}',
      '```',
      '',
      '<div>in <b>HTML</b></div><script>never()</script><!-- nor this -->',
      '',
      'Setext',
      '------',
      'last [ref]',
      '',
      '[ref]: http://example.org'
    ].join('\n')
    const document = markdown(source)
    expect(document.text).toBe(
      [
        'The tides & the moon',
        'Water rises twice a day.',
        'So it is. A wave',
        'A table',
        'place\theight',
        'bay\t16 m',
        'one',
        'two',
        'quoted *stars*',
        'if (a < b) {',
        '  stop()',
        '}',
        'in HTML',
        'Setext',
        'last ref'
      ].join('\n')
    )
    expect(headingsOf(document)).toEqual(['The tides & the moon', 'A table', 'Setext'])
    expect(document.key).toBe('a/b.md')
    expect(document.metadata).toEqual({
      title: 'The tides & the moon',
      tags: ['sea', 'moon'],
      date: '2024-05-01',
      draft: false
    })
  })

  it('takes the title of the front matter, and leads with it when the text has none', () => {
    const led = markdown('---\ntitle: Tides\n---\n## Part\n\nText.')
    expect(led.text).toBe('Tides\nPart\nText.')
    expect(headingsOf(led)).toEqual(['Part'])
    expect(led.metadata).toEqual({ title: 'Tides' })
    expect(markdown('---\ntitle: Tides\n---\n# The tides\n').text).toBe('The tides')
    expect(markdown('---\ntitle: 1984\n---\nText.')).toMatchObject({
      text: '1984\nText.',
      metadata: { title: 1984 }
    })
    expect(markdown('---\ntitle:\n---\n# Head\n').metadata).toEqual({ title: 'Head' })
  })

  it('keeps only the fields that are named', () => {
    const record = readMarkdown('---\na: 1\nb: 2\n---\n# T', { ...options, metadata: ['b', 'x'] })
    expect(documentsOf([record])[0]!.metadata).toEqual({ b: 2 })
  })

  it('tells front matter from a thematic break', () => {
    expect(markdown('---\nSome prose.\n\n---\nMore.').text).toBe('Some prose.\nMore.')
    expect(markdown('---\n\nNote: this: prose.\n\n---\nMore.').text).toBe(
      'Note: this: prose.\nMore.'
    )
    expect(markdown('---\n\nno end').text).toBe('no end')
    expect(markdown('---\n---\ntext')).toMatchObject({ text: 'text', metadata: {} })
  })

  it.each([
    ['---\nok: 1\nbad: [1, 2\n---\ntext', /:[345]$/],
    ['---\nok: 1\na: b: c\n---\n', /:3$/],
    ['---\na: .nan\n---\n', /:1$/],
    [`---\na: ${'['.repeat(5000)}\n---\n`, /:\d+$/],
    [
      `---\na: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, i) => {
          const alias = `*${'abcdefg'[i]}`
          return `${name}: &${name} [${Array(9).fill(alias).join(',')}]`
        })
        .join('\n')}\n---\n`,
      /:1$/
    ]
  ])('reports front matter %.20j', (source, place) => {
    const [error] = errorsOf([readMarkdown(source, options)])
    expect(error!.code).toBe('CORPUS_INVALID')
    expect(error!.place).toMatch(place)
    expect(error!.problem).toContain('front matter')
  })

  it('that is nested beyond reason neither hangs nor overflows the stack', () => {
    const lists = Array.from({ length: 1000 }, (_, i) => `${' '.repeat(2 * i)}- x`).join('\n')
    const startMs = performance.now()
    expect(markdown(lists).text).toContain('x')
    expect(markdown(`${'>'.repeat(50_000)}x`).text).toContain('x')
    const [error] = errorsOf([readMarkdown(`${'> - '.repeat(5000)}x`, options)])
    expect(error!.problem).toContain('nested too deep')
    expect(performance.now() - startMs).toBeLessThan(5000)
  })
})

describe('HTML', () => {
  it('becomes what a reader sees', () => {
    const document = html(`<!DOCTYPE html><html><head><title>Sea &amp; Moon</title>
      <meta name="Description" content="About &quot;tides&quot;"><meta charset=utf-8>
      <style>p { color: red }</style><script>if (a < b) "</p>"</script></head>
      <body><noscript>no script</noscript><template><p>later</p></template>
      <h1>Tides</h1><p>Water   rises&nbsp;twice<br/>a day &#x1F30A;.</p>
      <svg><title>icon</title><text>axis</text></svg>
      <div>one<div>two</div>three</div>
      <table><tr><th>place<th>height<tr><td>bay</td><td>16 m</td></table>
      <h2>More<span>over</span></h2><ul><li>a<li>b</ul>
      <pre>
  x = 1
    y &lt; 2
</pre><img src=w.png alt='A wave'><textarea>typed &amp; sent</textarea></body></html>`)
    expect(document.text).toBe(
      [
        'Tides',
        'Water rises\u00a0twice',
        'a day 🌊.',
        'one',
        'two',
        'three',
        'place\theight',
        'bay\t16 m',
        'Moreover',
        'a',
        'b',
        '  x = 1',
        '    y < 2',
        'A wave',
        'typed & sent'
      ].join('\n')
    )
    expect(headingsOf(document)).toEqual(['Tides', 'Moreover'])
    expect(document.metadata).toEqual({ title: 'Sea & Moon', description: 'About "tides"' })
  })

  it('without a main heading leads with its title', () => {
    expect(html('<title>Tides</title><p>Water.').text).toBe('Tides\nWater.')
    expect(html('<p>Water.').metadata).toEqual({})
    expect(html('').text).toBe('')
  })

  it('with NUL, as a program file has, is refused', () => {
    expect(errorsOf([readHtml('<p>a\0b', options)])[0]!.problem).toContain('NUL')
  })

  it.each([
    ['nested', `${'<div>'.repeat(100_000)}x${'</div>'.repeat(100_000)}`, 'x'],
    ['unclosed', `${'<b><p>'.repeat(100_000)}x${'</i>'.repeat(100_000)}`, 'x'],
    ['lists', `${'<ul><li>'.repeat(100_000)}x`, 'x'],
    ['an attribute without end', `x<a href="${'y'.repeat(5_000_000)}`, 'x'],
    ['many attributes', `<a ${'k=v '.repeat(300_000)}>x`, 'x'],
    ['less-than signs', `x${'<'.repeat(1_000_000)}`, `x${'<'.repeat(1_000_000)}`],
    ['ampersands', '&'.repeat(500_000), '&'.repeat(500_000)],
    ['comments', `x${'<!--'.repeat(300_000)}`, 'x'],
    ['templates', `x${'<template>'.repeat(100_000)}y`, 'x'],
    ['spaces', `x${' '.repeat(3_000_000)}y`, 'x y'],
    ['headings', `${'<h2>'.repeat(100_000)}x`, 'x']
  ])('of hostile %s is read in linear time', (_, source, text) => {
    const startMs = performance.now()
    const page = readableText(source)
    expect(page.text === text).toBe(true)
    expect(performance.now() - startMs).toBeLessThan(2000)
  })
})

describe('plain text', () => {
  it('is the text, without its byte order mark', () => {
    expect(documentsOf([readPlainText('\uFEFF a\r\nb ', options)])).toEqual([
      { key: 'a/b.md', text: ' a\r\nb ', metadata: {} }
    ])
    expect(errorsOf([readPlainText('a\0', options)])[0]!.place).toBe('docs/a/b.md')
  })
})
