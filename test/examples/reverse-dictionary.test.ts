import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readNouns } from '../../examples/reverse-dictionary/wordnet.mjs'
import { readQrels } from '../../src/eval/qrels.ts'
import { readTopics } from '../../src/eval/topics.ts'

const folder = new URL('../../examples/reverse-dictionary/', import.meta.url)
const linesOf = (name: string) => readFileSync(new URL(name, folder), 'utf8').split('\n')

describe('reverse dictionary', async () => {
  const nouns = new Map([...readNouns()].map(noun => [noun._id, noun]))
  const topics = await readTopics(linesOf('topics.tsv'))
  const qrels = await readQrels(linesOf('qrels.txt'))

  test('82,192 nouns, each under a key of its own that fits into a TREC run', () => {
    expect([...readNouns()]).toHaveLength(82_192)
    expect(nouns.size).toBe(82_192)
    expect([...nouns.keys()].filter(key => !/^\S+\.\d{8}$/.test(key))).toEqual([])
  })

  test('every noun has a definition and at least one word; example sentences are left out', () => {
    const odd = [...nouns.values()].filter(
      ({ text, metadata: { words } }) =>
        !/\w/.test(text) ||
        /[;:] *"/.test(text) ||
        words.length === 0 ||
        words.some(word => typeof word !== 'string' || word === '' || word.includes('_'))
    )
    expect(odd).toEqual([])
    expect(nouns.get('thunder.07411955')).toEqual({
      _id: 'thunder.07411955',
      text: expect.stringMatching(/^a booming .* bolt of lightning$/),
      metadata: { title: 'thunder', words: ['thunder'] }
    })
    // More than 9 words: the count is hexadecimal.
    expect(nouns.get('dress_hat.03242119')?.metadata.words.at(-1)).toBe('beaver')
    expect(nouns.get('kernel.05929717')?.metadata.words).toHaveLength(16)
  })

  test('120 descriptions of 6 to 18 words, each with a judged noun that exists', () => {
    expect(topics.size).toBe(120)
    expect(new Set(topics.values()).size).toBe(120)
    expect([...qrels.keys()]).toEqual([...topics.keys()])
    for (const [queryId, text] of topics) {
      const numWords = text.split(' ').length
      expect(numWords >= 6 && numWords <= 18, text).toBe(true)
      for (const [key, grade] of qrels.get(queryId) ?? []) {
        expect(nouns.has(key), key).toBe(true)
        expect(grade).toBe(1)
      }
    }
  })

  test('no description contains a word for what it describes, in singular or plural', () => {
    const plain = (text: string) => ` ${text.toLowerCase().replace(/[^a-z']+/g, ' ')} `
    for (const [queryId, text] of topics) {
      for (const key of qrels.get(queryId)?.keys() ?? []) {
        for (const word of nouns.get(key)?.metadata.words ?? []) {
          const forms = ['', 's', 'es'].map(ending => plain(word).trimEnd() + ending)
          const used = forms.filter(form => plain(text).includes(`${form} `))
          expect(used, `${queryId}: ${text}`).toEqual([])
        }
      }
    }
  })
})
