import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/**
 * A reproduction, as a file `COLLECTION.PIPELINE.yaml` states it: what goes in, with which options, and
 * what has to come out. Every field is known by name; another one is an error, so that a slip of the
 * pen does not pass as "nothing to compare".
 *
 * @typedef {object} Definition
 * @property {string} name `COLLECTION.PIPELINE`, of the file's name
 * @property {string} collection
 * @property {string} pipeline
 * @property {string} title what is searched, and how
 * @property {Corpus} corpus
 * @property {string} topics file in the folder of the corpus
 * @property {string} qrels as topics
 * @property {Record<string, string | number | true>} index options of `esplanade index`
 * @property {Record<string, string | number | true>} run options of `esplanade run`
 * @property {Record<string, number | null>} statistics of the index, as `esplanade inspect --json` names
 *   them; null: not measured yet
 * @property {Record<string, number | null>} figures means by ir-measures name, to four digits; null: not
 *   measured yet. The first is the one that tables show
 * @property {Record<string, number>} reference the same by an independent program; a figure may be above
 * @property {Tolerance} tolerance
 *
 * @typedef {object} Corpus
 * @property {string} origin whose collection it is, and how to come by it
 * @property {string} [beir] its folder in the folder of BEIR collections
 * @property {{ every: number }} [wordnet] the nouns of WordNet: one of so many, and all that are judged
 *
 * @typedef {object} Tolerance how far another machine may be off
 * @property {number} figures absolute; 0: all four digits are the same
 * @property {number} postings part of their number
 * @property {number} reference how far a figure may be below the reference's
 */

/** What `statistics` may name, and where `esplanade inspect --json` says it. */
export const STATISTICS = {
  numDocuments: found => found.numDocuments,
  numPassages: found => found.numPassages,
  numDead: found => found.numDead,
  numPostings: found => found.numPostings,
  numWordPostings: found => found.lexical?.numPostings,
  averageLength: found => found.lexical?.averageLength,
  numDenseVectors: found => found.dense?.numVectors,
  dimensions: found => found.dense?.settings.dimensions
}

/** Pipelines in the order in which they build on each other; others come after them. */
const PIPELINES = [
  'bm25',
  'sparse',
  'sparse-inference-free',
  'combined',
  'dense',
  'hybrid',
  'hybrid-rrf',
  'rerank-dense'
]

/**
 * The definitions in a folder: by collection, those that every clone has first, and by pipeline.
 *
 * @param {string} folder
 * @param {string} only a pattern of names, where * stands for anything and ? for one character
 * @returns {Definition[]}
 */
export function readDefinitions(folder, only = '*') {
  const escaped = only.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
  return readdirSync(folder)
    .filter(file => file.endsWith('.yaml') && pattern.test(file.replace(/\.yaml$/, '')))
    .map(file => parseDefinition(file, readFileSync(join(folder, file), 'utf8')))
    .sort(
      (a, b) =>
        Number(a.corpus.wordnet === undefined) - Number(b.corpus.wordnet === undefined) ||
        compare(a.collection, b.collection) ||
        placeOf(a) - placeOf(b) ||
        compare(a.pipeline, b.pipeline)
    )
}

function placeOf({ pipeline }) {
  const place = PIPELINES.indexOf(pipeline)
  return place < 0 ? PIPELINES.length : place
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * @param {string} file its name
 * @param {string} source
 * @returns {Definition}
 */
export function parseDefinition(file, source) {
  const [, collection, pipeline] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.yaml$/.exec(file) ?? []
  if (collection === undefined) throw new Error(`${file}: expected COLLECTION.PIPELINE.yaml`)
  const found = DEFINITION(parse(source), file)
  if (Object.keys(found.figures).length === 0) refuse(file, found.figures, 'at least one figure')
  const notMeasured = Object.keys(found.reference).find(name => !(name in found.figures))
  if (notMeasured !== undefined) {
    refuse(`${file}: reference`, notMeasured, `one of the figures ${Object.keys(found.figures)}`)
  }
  return { name: `${collection}.${pipeline}`, collection, pipeline, ...found }
}

/**
 * A reader of one field: gives its value, or throws with the place of what is wrong.
 *
 * @typedef {(value: unknown, place: string) => any} Reader
 */

function refuse(place, value, expected) {
  throw new Error(`${place}: given ${JSON.stringify(value)}; expected ${expected}`)
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @type {Reader} */
function text(value, place) {
  return typeof value === 'string' && value !== '' ? value : refuse(place, value, 'a text')
}

/** @returns {Reader} */
function number(least, most, expected) {
  return (value, place) =>
    typeof value === 'number' && value >= least && value <= most
      ? value
      : refuse(place, value, expected)
}

/** @type {Reader} */
function option(value, place) {
  const isOption = ['string', 'number'].includes(typeof value) || value === true
  return isOption ? value : refuse(place, value, 'a text, a number or true')
}

/** @returns {Reader} */
function orNull(read) {
  return (value, place) => (value === null ? null : read(value, place))
}

/** Fields by any name that `isName` takes. @returns {Reader} */
function record(read, isName, expectedName) {
  return (value, place) => {
    if (!isObject(value)) refuse(place, value, 'fields')
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        if (!isName(name)) refuse(place, name, expectedName)
        return [name, read(one, `${place}: ${name}`)]
      })
    )
  }
}

/** Just these fields; a reader that takes undefined makes its own optional. @returns {Reader} */
function fields(readers) {
  return (value, place) => {
    if (!isObject(value)) refuse(place, value, 'fields')
    const unknown = Object.keys(value).find(name => !Object.hasOwn(readers, name))
    if (unknown !== undefined) {
      refuse(place, unknown, `one of the fields ${Object.keys(readers).join(', ')}`)
    }
    return Object.fromEntries(
      Object.entries(readers).map(([name, read]) => [name, read(value[name], `${place}: ${name}`)])
    )
  }
}

/** @returns {Reader} */
function optional(read, otherwise) {
  return (value, place) => (value === undefined ? otherwise : read(value, place))
}

/** @type {Reader} */
function corpus(value, place) {
  const found = CORPUS_FIELDS(value, place)
  if ((found.beir === undefined) === (found.wordnet === undefined)) {
    refuse(place, value, 'either beir or wordnet')
  }
  return found
}

const share = number(0, 1, 'a number from 0 to 1')
const fourDigits = (value, place) =>
  Number(share(value, place).toFixed(4)) === value ? value : refuse(place, value, 'four digits')
const optionName = name => /^[a-z][a-z-]*$/.test(name)
const metricName = name => /^[A-Za-z]+(\([^)]*\))?(@\d+)?$/.test(name)
const least = number(0, Number.MAX_SAFE_INTEGER, 'a number from 0')

const CORPUS_FIELDS = fields({
  origin: text,
  beir: optional(text),
  wordnet: optional(fields({ every: number(1, 1e6, 'a number from 1') }))
})

const DEFINITION = fields({
  title: text,
  corpus,
  topics: text,
  qrels: text,
  index: optional(record(option, optionName, 'the name of an option without --'), {}),
  run: record(option, optionName, 'the name of an option without --'),
  statistics: record(
    orNull(least),
    name => Object.hasOwn(STATISTICS, name),
    `one of ${Object.keys(STATISTICS).join(', ')}`
  ),
  figures: record(orNull(fourDigits), metricName, 'a measure such as nDCG@10'),
  reference: optional(record(fourDigits, metricName, 'a measure such as nDCG@10'), {}),
  tolerance: (value, place) => ({
    figures: 0,
    postings: 0,
    reference: 0,
    ...TOLERANCE(value ?? {}, place)
  })
})

const TOLERANCE = fields({
  figures: optional(share, 0),
  postings: optional(share, 0),
  reference: optional(share, 0)
})
