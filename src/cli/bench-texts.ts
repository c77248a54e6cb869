import { EsplanadeError } from 'esplanade'
import { openCorpus } from 'esplanade/corpus'

/** Sentences of our own, from which passages are put together. */
const SENTENCES = [
  'The harbour master counts the boats at dusk and writes their names into a book.',
  'A lighthouse keeps its lamp turning through the night, whether anybody looks or not.',
  'When the moon stands over the bay, the tide runs out and leaves the sand bare for six hours.',
  'Bread rises because yeast turns sugar into gas, which the dough holds in small bubbles.',
  'The bridge was closed for repairs after engineers found cracks in two of its bearings.',
  'Bees tell each other by a dance in which direction the flowers are, and how far away.',
  'Old maps of the coast show villages that the sea has taken since they were drawn.',
  'A compass needle points to the magnetic pole, which wanders some kilometres every year.',
  'In winter the ferry runs twice a day, and not at all when ice covers the river mouth.',
  'The violin maker chooses spruce for the front and maple for the back of the instrument.',
  'Salt was carried over the mountains by mules, and towns along the road grew rich by its toll.',
  'A fever is part of how the body defends itself, for many germs do badly in the heat.',
  'The committee asked for a second estimate, since the first one left out the foundations.',
  'Glaciers grind the rock beneath them to a fine flour that colours the lakes below green.',
  'Whoever plants a walnut tree does so for grandchildren, as the proverb has it.',
  'The printer set the page by hand, letter after letter, and read it in the mirror.',
  'Solar panels lose some of their power in the heat, so a cold bright day suits them best.',
  'Swifts sleep on the wing and come down only to build a nest and raise their young.'
]

/** Questions of our own, as short as those that people ask. */
const QUERIES = [
  'why does bread rise',
  'how do bees find flowers',
  'ferry timetable in winter',
  'what colours mountain lakes green',
  'magnetic pole moving',
  'which wood for a violin',
  'solar panel efficiency in hot weather',
  'tides and the moon',
  'history of the salt trade over the alps',
  'do swifts ever land'
]

/** Passages of a corpus that are read at most: a measurement goes round in them. */
const MAX_PASSAGES = 2000
const NUM_OWN_PASSAGES = 600

/** What is encoded to measure. */
export interface BenchTexts {
  readonly passages: readonly string[]
  readonly queries: readonly string[]
}

/**
 * Texts to measure with: those of a corpus, its shortest ones being the queries, or our own, of
 * three to six sentences.
 *
 * @throws EsplanadeError what reading a corpus throws; `CORPUS_INVALID` where it holds no text
 */
export async function benchTexts(corpus: string | undefined): Promise<BenchTexts> {
  if (corpus === undefined) return { passages: ownPassages(), queries: QUERIES }
  const passages: string[] = []
  for await (const record of await openCorpus([corpus])) {
    if (record.kind === 'document' && record.document.text !== '') {
      passages.push(record.document.text)
      if (passages.length === MAX_PASSAGES) break
    }
  }
  if (passages.length === 0) {
    throw new EsplanadeError('CORPUS_INVALID', {
      place: corpus,
      problem: 'it holds no text',
      expected: 'texts to measure with'
    })
  }
  const queries = passages.toSorted((a, b) => a.length - b.length).slice(0, QUERIES.length)
  return { passages, queries }
}

/** The n-th passage begins with the n-th sentence and goes on in steps that differ. */
function ownPassages(): string[] {
  return Array.from({ length: NUM_OWN_PASSAGES }, (_, n) =>
    Array.from({ length: 3 + (n % 4) }, (_, i) => {
      const step = 1 + (Math.floor(n / SENTENCES.length) % (SENTENCES.length - 1))
      return SENTENCES[(n + i * step) % SENTENCES.length]
    }).join(' ')
  )
}
