import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CsvReaderOptions, readCsv } from '../../src/corpus/csv.ts'
import type { CorpusRecord } from '../../src/corpus/document.ts'
import { linesOf } from '../../src/corpus/lines.ts'
import { collect, documentsOf, errorsOf } from './readers.ts'

function read(
  source: string,
  options: Omit<CsvReaderOptions, 'name'> = {}
): Promise<CorpusRecord[]> {
  return collect(readCsv(linesOf(source), { ...options, name: 't.csv' }))
}

describe('CSV', () => {
  it('finds key, title and text by the names of the columns', async () => {
    const records = await read(
      '\uFEFFID, Title ,Body,zip\r\n1,Tides,"The sea, it ""rises"".",01234\r\n\r\n2,,Plain,\r\n'
    )
    expect(documentsOf(records)).toEqual([
      {
        key: '1',
        text: 'Tides The sea, it "rises".',
        metadata: { Title: 'Tides', zip: '01234' }
      },
      { key: '2', text: 'Plain', metadata: { zip: '' } }
    ])
    expect(records.map(record => record.kind === 'document' && record.place)).toEqual([
      't.csv:2',
      't.csv:4'
    ])
  })

  it('counts lines inside quotes, and keeps quotes inside unquoted fields', async () => {
    const records = await read('id,text\na,"one\ntwo\n\nthree"\nb,a 5" nail\nc,"x')
    expect(documentsOf(records.slice(0, 2)).map(document => document.text)).toEqual([
      'one\ntwo\n\nthree',
      'a 5" nail'
    ])
    expect(records[1]).toMatchObject({ place: 't.csv:6' })
    const [error] = errorsOf(records.slice(2))
    expect(error).toMatchObject({ code: 'CORPUS_INVALID', place: 't.csv:7' })
    expect(error!.message).toContain('never ends')
  })

  it('reports a record with the wrong number of fields and reads on', async () => {
    const records = await read('id,text\na,1\nb\nc,1,2\nd,2')
    expect(documentsOf([records[0]!, records[3]!]).map(document => document.key)).toEqual([
      'a',
      'd'
    ])
    expect(errorsOf(records.slice(1, 3)).map(error => [error.place, error.problem])).toEqual([
      ['t.csv:3', '1 fields, but the header has 2 columns'],
      ['t.csv:4', '3 fields, but the header has 2 columns']
    ])
  })

  it('reads every table that is written by the standard, across batches', async () => {
    const cell = fc.oneof(
      fc.constantFrom('', 'a', '"', ',', '\n', '""', ' x ', '",\n"'),
      fc.stringMatching(/^[a-z",\n é🦊]{0,12}$/u)
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 30 }),
        fc.boolean(),
        async (rows, isLarge) => {
          const padding = isLarge ? 'long '.repeat(2000) : ''
          const quote = (value: string): string => `"${value.replaceAll('"', '""')}"`
          const lines = rows.map(([text, note], i) =>
            [String(i), quote(padding + text), quote(note)].join(',')
          )
          const records = await read(['key,text,note', ...lines].join('\n'))
          expect(documentsOf(records)).toEqual(
            rows.map(([text, note], i) => ({
              key: String(i),
              text: padding + text,
              metadata: { note }
            }))
          )
        }
      ),
      { numRuns: 50 }
    )
  })

  it.each([
    ['name,text\n1,2', {}, /no key field.*"name", "text".*--key/],
    ['id,name\n1,2', {}, /no text field.*"id", "name".*--text/],
    ['id,text\n1,2', { text: ['body'] }, /no column "body"; columns there: "id", "text"/],
    ['id,text\n1,2', { metadata: ['year'] }, /no column "year"/],
    ['id,text,text\n1,2,3', {}, /the column "text" is named twice/]
  ])('reports the header %j with %j once', async (source, options, message) => {
    const errors = errorsOf(await read(source, options))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'CORPUS_INVALID', place: 't.csv:1' })
    expect(errors[0]!.message).toMatch(message)
  })

  it('leaves out a record with an unreadable line, and only that', async () => {
    async function* lines() {
      yield { number: 1, text: 'id,text' }
      yield { number: 2, text: 'a,"one' }
      yield { number: 3, problem: 'not valid UTF-8' }
      yield { number: 4, text: 'end"' }
      yield { number: 5, text: 'b,two' }
    }
    const records = await collect(readCsv(lines(), { name: 't.csv' }))
    expect(errorsOf(records.slice(0, 1))[0]).toMatchObject({ place: 't.csv:3' })
    expect(documentsOf(records.slice(1)).map(document => document.text)).toEqual(['two'])
  })

  it('without a readable header is one problem', async () => {
    const lines = [
      { number: 1, problem: 'not valid UTF-8' },
      { number: 2, text: 'a,b' }
    ]
    expect(errorsOf(await collect(readCsv(lines, { name: 't.csv' })))).toHaveLength(1)
  })
})

describe('TSV', () => {
  it('has no quotes: every line is a record', async () => {
    const source = 'id\ttext\n1\t"half a quote\n2\ta "whole" one, with comma'
    expect(documentsOf(await read(source, { format: 'tsv' }))).toEqual([
      { key: '1', text: '"half a quote', metadata: {} },
      { key: '2', text: 'a "whole" one, with comma', metadata: {} }
    ])
  })
})
