import { describe, expect, test } from 'vitest'
import { BEIR_DATASETS, BEIR_HOME } from '../../../src/node/datasets/beir-datasets.ts'
import { datasetSettings } from '../../../src/node/datasets/dataset-settings.ts'

test('the table is whole: no name, sum or size stands twice', () => {
  const names = BEIR_DATASETS.map(({ name }) => name)
  expect(names).toHaveLength(15)
  for (const values of [
    names,
    BEIR_DATASETS.map(({ md5 }) => md5),
    BEIR_DATASETS.map(({ zipBytes }) => zipBytes)
  ]) {
    expect(new Set<unknown>(values).size).toBe(values.length)
  }
  for (const { name, md5, homepage, splits, numQueries, numDocuments } of BEIR_DATASETS) {
    expect(md5, name).toMatch(/^[0-9a-f]{32}$/)
    expect(URL.canParse(homepage), name).toBe(true)
    expect(splits, name).toContain('test')
    expect(Math.min(numQueries, numDocuments), name).toBeGreaterThan(0)
  }
})

test('the home of BEIR, a mirror of the environment, a mirror that is named', () => {
  const url = (from?: string, mirror?: string) =>
    datasetSettings('scifact', { from }, { ESPLANADE_DATASETS_URL: mirror }).url
  expect(url()).toBe(`${BEIR_HOME}/scifact.zip`)
  expect(url(undefined, 'https://mirror.example/beir/')).toBe(
    'https://mirror.example/beir/scifact.zip'
  )
  expect(url('http://here:8000', 'https://mirror.example')).toBe('http://here:8000/scifact.zip')
})

describe('a name that is not known', () => {
  test.each([
    ['scifct', 'scifact'],
    ['SciFact', 'scifact'],
    ['touche2020', 'webis-touche2020'],
    ['dbpedia', 'dbpedia-entity'],
    ['hotpot-qa', 'hotpotqa'],
    ['msmarco-passage', 'msmarco'],
    ['nfcorpsu', 'nfcorpus']
  ])('%s may mean %s', (given, meant) => {
    expect(() => datasetSettings(given)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        problem: expect.stringContaining(`; perhaps ${meant} is meant`),
        expected: BEIR_DATASETS.map(({ name }) => name).join(', ')
      })
    )
  })

  test.each([
    ['completely-different', /^there is no data set of this name in BEIR$/],
    ['', /^there is no data set of this name in BEIR$/],
    ['robust04', /is not public/]
  ])('%j', (given, problem) => {
    expect(() => datasetSettings(given)).toThrow(
      expect.objectContaining({ problem: expect.stringMatching(problem) })
    )
  })
})

test.each([
  ['a name that is a path', '../x', { md5: '0'.repeat(32) }],
  ['an empty name', '', { md5: '0'.repeat(32) }],
  ['a sum that is none', 'scifact', { md5: 'abc' }],
  ['an address that is none', 'scifact', { from: 'mirror.example' }],
  ['an address that no server has', 'scifact', { from: 'file:///etc' }]
])('%s is refused', (_, name, options) => {
  expect(() => datasetSettings(name, options, {})).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  )
})
