/**
 * The commands of a reproduction, which the program runs and the pages show: one place, so that what is
 * read is what was run.
 *
 * @typedef {import('./definition.mjs').Definition} Definition
 */

/** Hits of each query that are judged, unless a second stage gives fewer. */
const K = 1000

/** @param {Definition} definition */
export function indexArgs({ index }, { corpus, collection }) {
  return ['index', corpus, '--to', collection, ...optionArgs(index)]
}

/** @param {Definition} definition */
export function runArgs({ run }, { collection, topics, run: file }) {
  const { k = K, ...others } = run
  const depth = run.rerank === undefined ? { k } : {}
  return ['run', collection, topics, ...optionArgs({ ...others, ...depth }), '--to', file]
}

/** @param {Definition} definition */
export function evalArgs({ figures }, { run, qrels }) {
  return ['eval', run, '--qrels', qrels, '--metrics', Object.keys(figures).join(' ')]
}

/** A command as one types it. @param {readonly string[]} args */
export function shown(args) {
  return `npx esplanade ${args.map(quoted).join(' ')}`
}

function quoted(arg) {
  return /^[\w./:@=,-]+$/.test(arg) ? arg : `'${arg}'`
}

function optionArgs(options) {
  return Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)]
  )
}
