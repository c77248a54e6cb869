import { describe, expect, it } from 'vitest'
import type { CorpusRecord } from '../../src/corpus/document.ts'
import { rejectDuplicates } from '../../src/corpus/duplicates.ts'
import type { FieldOptions } from '../../src/corpus/fields.ts'
import { readJsonl } from '../../src/corpus/jsonl.ts'
import { linesOf } from '../../src/corpus/lines.ts'
import { collect, documentsOf, errorsOf } from './readers.ts'

function read(source: string, options: FieldOptions = {}): Promise<CorpusRecord[]> {
  return collect(readJsonl(linesOf(source), { ...options, name: 'c.jsonl' }))
}

const line = (...records: unknown[]): string =>
  records.map(record => JSON.stringify(record)).join('\n')

describe('JSON lines', () => {
  it('of BEIR become title, space, text', async () => {
    const records = await read(
      line(
        { _id: 'a', title: 'Tides', text: 'The sea rises.', metadata: { year: 1999 } },
        { _id: 'b', title: '', text: ' No title. ', metadata: {} },
        { _id: 'c', title: 'Only a title', text: '' },
        { _id: 'd', text: '  ' },
        { _id: 'e', title: '', text: '' }
      )
    )
    expect(documentsOf(records)).toEqual([
      { key: 'a', text: 'Tides The sea rises.', metadata: { year: 1999, title: 'Tides' } },
      { key: 'b', text: ' No title. ', metadata: {} },
      { key: 'c', text: 'Only a title', metadata: { title: 'Only a title' } },
      { key: 'd', text: '  ', metadata: {} },
      { key: 'e', text: '', metadata: {} }
    ])
    expect(records[1]).toMatchObject({ format: 'jsonl', place: 'c.jsonl:2' })
  })

  it('tolerate a byte order mark, CR LF and blank lines, and count them all', async () => {
    const records = await read('\uFEFF{"id":1,"text":"a"}\r\n\r\n  \n{"id":"2","contents":"b"}\n{')
    expect(documentsOf(records.slice(0, 2)).map(({ key, text }) => [key, text])).toEqual([
      ['1', 'a'],
      ['2', 'b']
    ])
    expect(errorsOf(records.slice(2))[0]).toMatchObject({
      code: 'CORPUS_INVALID',
      place: 'c.jsonl:5'
    })
  })

  it('are read by the fields that are named', async () => {
    const record = { sku: 7, name: 'Lamp', about: 'It glows.', price: 5, metadata: { shop: 'x' } }
    const fields = { key: 'sku', text: ['name', 'about'], metadata: ['price', 'shop', 'gone'] }
    expect(documentsOf(await read(line(record), fields))).toEqual([
      { key: '7', text: 'Lamp It glows.', metadata: { price: 5, shop: 'x' } }
    ])
    const { key, text } = fields
    expect(documentsOf(await read(line(record), { key, text }))[0]!.metadata).toEqual({
      price: 5,
      shop: 'x'
    })
  })

  it('keep a field called __proto__ a field', async () => {
    const [document] = documentsOf(
      await read('{"_id":"a","text":"t","__proto__":{"polluted":1},"constructor":2}')
    )
    expect(Object.keys(document!.metadata)).toEqual(['__proto__', 'constructor'])
    expect((document!.metadata as { polluted?: number }).polluted).toBeUndefined()
  })

  it.each([
    ['{"_id": "a", "text": ', 'not JSON'],
    ['[1, 2]', 'an array of 2'],
    ['null', 'the line is null'],
    ['{"text": "t"}', 'no key field (looked for _id, id, key, docid, docno)'],
    ['{"_id": "", "text": "t"}', 'the key is empty'],
    ['{"_id": "  ", "text": "t"}', 'the key is empty'],
    ['{"_id": 1.5, "text": "t"}', 'the key field "_id" is the number 1.5'],
    ['{"_id": 12345678901234567890, "text": "t"}', 'the key field "_id" is the number'],
    ['{"_id": null, "text": "t"}', 'the key field "_id" is null'],
    ['{"_id": "a"}', 'no text field'],
    ['{"_id": "a", "text": 5}', 'the text field "text" is the number 5'],
    ['{"_id": "a", "text": ["t"]}', 'the text field "text" is an array of 1'],
    ['{"_id": "a\\u0000", "text": "t"}', 'the key has a NUL character at offset 1'],
    ['{"_id": "a", "text": "xy\\u0000"}', 'the text has a NUL character at offset 2'],
    ['{"_id": "\\ud800", "text": "t"}', 'the key has a lone surrogate'],
    [
      '{"_id": "a", "text": "🦊\\udd8a"}',
      'the text has a lone surrogate (half of a character) at offset 2'
    ],
    [
      `{"_id": "a", "text": "t", "deep": ${'['.repeat(20000)}${']'.repeat(20000)}}`,
      'nested deeper than 64 levels'
    ]
  ])('report %.60s', async (source, problem) => {
    const [error] = errorsOf(await read(`\n${source}`))
    expect(error).toMatchObject({ code: 'CORPUS_INVALID', place: 'c.jsonl:2' })
    expect(error!.message).toContain(problem)
  })

  it('name the remedy and the fields that are there', async () => {
    const [noKey, noText] = errorsOf([
      ...(await read('{"sku": "a", "text": "t"}')),
      ...(await read('{"_id": "a", "summary": "t"}'))
    ])
    expect(noKey!.message).toMatch(/"sku", "text".*--key/)
    expect(noText!.message).toMatch(/"_id", "summary".*--text/)
    expect(errorsOf(await read('{"a": 1}', { key: 'b' }))[0]!.message).toContain('no key field "b"')
  })

  it('with the key of an earlier line are duplicates that name both places', async () => {
    const source = line({ _id: 'a', text: '1' }, { _id: 'b', text: '2' }, { _id: 'a', text: '3' })
    const records = await collect(rejectDuplicates(readJsonl(linesOf(source), { name: 'c.jsonl' })))
    expect(documentsOf(records.slice(0, 2)).map(document => document.text)).toEqual(['1', '2'])
    const [error] = errorsOf(records.slice(2))
    expect(error).toMatchObject({ code: 'DUPLICATE_KEY', place: 'c.jsonl:3' })
    expect(error!.message).toContain('c.jsonl:1')
  })
})

describe('JSON lines with vectors', () => {
  it('carry term ids with weights, or tokens with weights, with or without text', async () => {
    const [ids, tokens, anserini] = documentsOf(
      await read(
        line(
          { _id: 'a', indices: [3, 4294967295], values: [0.5, 2] },
          { _id: 'b', vector: { fox: 1.25, '##es': 0.5 }, colour: 'red' },
          { id: 'c', contents: 'A fox.', vector: { fox: 125, indices: 3 } }
        )
      )
    )
    expect(ids).toEqual({
      key: 'a',
      text: '',
      metadata: {},
      vector: {
        kind: 'terms',
        vector: { terms: Uint32Array.of(3, 4294967295), weights: Float32Array.of(0.5, 2) }
      }
    })
    expect(tokens).toEqual({
      key: 'b',
      text: '',
      metadata: { colour: 'red' },
      vector: {
        kind: 'tokens',
        entries: [
          ['fox', 1.25],
          ['##es', 0.5]
        ]
      }
    })
    expect(anserini).toMatchObject({ key: 'c', text: 'A fox.', vector: { kind: 'tokens' } })
  })

  it('may be empty vectors', async () => {
    const documents = documentsOf(
      await read(line({ _id: 'a', indices: [], values: [] }, { _id: 'b', vector: {} }))
    )
    expect(documents[1]!.vector).toEqual({ kind: 'tokens', entries: [] })
    expect(documents[0]!.vector).toMatchObject({ vector: { terms: new Uint32Array() } })
  })

  it.each([
    ['{"_id":"a","indices":[1,2],"values":[1]}', '2 term ids but 1 weights'],
    ['{"_id":"a","indices":[2,1],"values":[1,1]}', 'unsorted'],
    ['{"_id":"a","indices":[2,2],"values":[1,1]}', 'a duplicate'],
    ['{"_id":"a","indices":[1.5],"values":[1]}', 'term id 1.5'],
    ['{"_id":"a","indices":[1],"values":[0]}', 'weight 0'],
    ['{"_id":"a","indices":[1],"values":[-1]}', 'weight -1'],
    ['{"_id":"a","indices":[1],"values":[1e999]}', 'weight Infinity'],
    ['{"_id":"a","indices":[1],"values":["1"]}', '"values" holds the string 1'],
    ['{"_id":"a","indices":[1]}', '"indices" without "values"'],
    ['{"_id":"a","vector":{"fox":0}}', 'the weight of "fox"'],
    ['{"_id":"a","vector":{"fox":-2}}', 'the weight of "fox"'],
    ['{"_id":"a","vector":{"fox":1e39}}', 'the weight of "fox"'],
    ['{"_id":"a","vector":{"fox":1e-60}}', 'the weight of "fox"'],
    ['{"_id":"a","vector":{"fox":null}}', 'the weight of "fox" is null'],
    ['{"_id":"a","text":"t","vector":[0.1,0.2]}', '"vector" is an array of 2']
  ])('report %s', async (source, problem) => {
    const [error] = errorsOf(await read(source))
    expect(error).toMatchObject({ code: 'INVALID_VECTOR', place: 'c.jsonl:1' })
    expect(error!.message).toContain(problem)
  })
})
