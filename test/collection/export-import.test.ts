import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exportLines } from '../../src/collection/export-lines.ts'
import { importLines } from '../../src/collection/import-lines.ts'
import { splitLines } from '../../src/corpus/lines.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { answersOf, makeCollection, temporaryFolder } from './checked-collection.ts'

test('An export that is imported gives the same hits, in the same order.', async () => {
  const directory = await makeCollection()
  const copy = join(temporaryFolder(), 'copy')
  const lines: string[] = []
  {
    await using source = await openCollection(directory, { readOnly: true })
    for await (const line of exportLines(source, { allNamespaces: true })) lines.push(line)
    await using target = await openCollection(copy, { model: null })
    const bytes = [new TextEncoder().encode(`\uFEFF${lines.join('\r\n')}\n\n`)]
    expect((await importLines(target, splitLines(bytes))).numWritten).toBe(564)
    const again: string[] = []
    for await (const line of exportLines(target, { allNamespaces: true })) again.push(line)
    expect(again).toEqual(lines)
  }
  expect(await answersOf(copy)).toEqual(await answersOf(directory))
})

test('A line has the fields that the documentation says, floats to the bit.', async () => {
  const directory = join(temporaryFolder(), 'exact')
  await using collection = await openCollection(directory, { model: null })
  const weights = [0.1, 1 / 3, 1e-45, 3.4028234663852886e38, 16777216, 1.17549435e-38]
  const vector = sparseVector([0, 1, 2, 3, 4, 5], weights)
  const metadata = JSON.parse('{"__proto__": {"x": 1}, "a": "\\u2028"}')
  await collection.upsert([
    { key: 'a', vector, dense: [-0, 0.1, -1e-45], metadata: { ...metadata, d: new Date(0) } },
    { key: 'b', text: 'ab', passages: [{ start: 1, end: 2, vector }], namespace: 'n' }
  ])
  const lines: string[] = []
  await using snapshot = await collection.snapshot()
  for await (const line of exportLines(snapshot)) lines.push(line)
  expect(lines).toEqual([
    '{"_id":"a","text":"","metadata":{"__proto__":{"x":1},"a":"\u2028","d":{"$date":"1970-01-01T00:00:00.000Z"}},' +
      '"vector":{"indices":[0,1,2,3,4,5],' +
      '"values":[0.1,0.33333334,1.4013e-45,3.4028235e+38,16777216,1.1754944e-38]},"dense":[-0,0.1,-1.4013e-45]}'
  ])
  for await (const line of exportLines(snapshot, { namespace: 'n', vectors: false }))
    lines.push(line)
  expect(lines[1]).toBe('{"_id":"b","namespace":"n","text":"ab","metadata":{},"passages":[[1,2]]}')
  await importLines(collection, [lines[0]!], { namespace: 'm' })
  const read = await collection.get('a', { namespace: 'm', includeVectors: true })
  const bits = (values: Float32Array) => [...new Uint32Array(values.slice().buffer)]
  expect(bits(read!.vectors![0]!.weights)).toEqual(bits(Float32Array.from(weights)))
  expect(bits(read!.dense!)).toEqual(bits(Float32Array.of(-0, 0.1, -1e-45)))
  expect(read!.metadata.d).toEqual(new Date(0))
})

test('A bad line is refused with its number.', async () => {
  const directory = join(temporaryFolder(), 'bad')
  await using collection = await openCollection(directory, { model: null })
  const good = '{"_id":"a","vector":{"indices":[1],"values":[1]}}'
  const bad: [line: string, code: string, problem: RegExp][] = [
    ['{', 'CORPUS_INVALID', /not JSON/],
    ['[]', 'CORPUS_INVALID', /no JSON object/],
    ['null', 'CORPUS_INVALID', /no JSON object/],
    ['{"_id":7}', 'CORPUS_INVALID', /_id/],
    ['{"_id":"b","text":7}', 'CORPUS_INVALID', /text/],
    ['{"_id":"b","metadata":[]}', 'CORPUS_INVALID', /metadata/],
    ['{"_id":"b","vector":{"indices":["1"],"values":[1]}}', 'CORPUS_INVALID', /vector/],
    ['{"_id":"b","vector":{"indices":[1],"values":[0]}}', 'INVALID_VECTOR', /./],
    ['{"_id":"b","vector":{"indices":[2,1],"values":[1,1]}}', 'INVALID_VECTOR', /./],
    ['{"_id":"b","text":"x","passages":[[0,1]],"vectors":[]}', 'CORPUS_INVALID', /list of 1/],
    ['{"_id":"b","text":"x"}', 'INVALID_ARGUMENT', /no model/],
    ['{"_id":"","vector":{"indices":[1],"values":[1]}}', 'CORPUS_INVALID', /_id/],
    [good, 'DUPLICATE_KEY', /"a"/]
  ]
  for (const [line, code, problem] of bad) {
    await expect(
      importLines(collection, [good, '', line], { place: 'in.jsonl' })
    ).rejects.toMatchObject({
      code,
      problem: expect.stringMatching(problem),
      place: expect.stringMatching(/^in\.jsonl:3/)
    })
  }
  const lines = [{ number: 9, problem: 'not valid UTF-8' }]
  await expect(importLines(collection, lines)).rejects.toMatchObject({
    code: 'CORPUS_INVALID',
    place: 'line 9'
  })
})
