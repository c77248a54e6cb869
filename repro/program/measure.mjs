import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evalArgs, indexArgs, runArgs } from './commands.mjs'
import { STATISTICS } from './definition.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const cli = join(root, 'dist/cli/main.js')

/**
 * @typedef {object} Measured
 * @property {Record<string, number>} statistics of the index
 * @property {Record<string, number>} figures means, as they were computed
 * @property {number} seconds of `run` and `eval`
 */

/**
 * Runs reproductions by the command line, as a user would. Collections are kept from run to run, as
 * pipelines share them and encoding takes minutes; runs of the same search are shared in one run.
 */
export class Measurement {
  #fresh
  #say
  /** Collections that were made or looked at by this one. */
  #ready = new Set()
  /** The file of a run, by what it was made with. */
  #runs = new Map()

  /** @param {{ fresh: boolean, say: (line: string) => void }} options */
  constructor({ fresh, say }) {
    this.#fresh = fresh
    this.#say = say
  }

  /**
   * @param {import('./definition.mjs').Definition} definition
   * @param {import('./places.mjs').Places} places
   * @returns {Measured}
   */
  measure(definition, places) {
    this.#makeReady(definition, places)
    const inspected = JSON.parse(esplanade(['inspect', places.collection, '--json']))
    const statistics = Object.fromEntries(
      Object.entries(STATISTICS)
        .map(([name, of]) => [name, of(inspected)])
        .filter(([, value]) => value !== undefined)
    )
    const started = performance.now()
    const run = this.#run(definition, places)
    const args = [...evalArgs(definition, { ...places, run }), '--json']
    const figures = JSON.parse(esplanade(args))
    return { statistics, figures, seconds: (performance.now() - started) / 1000 }
  }

  /** Makes the collection, unless one was made to its end of the same corpus with the same options. */
  #makeReady(definition, places) {
    const { collection } = places
    if (this.#ready.has(collection)) return
    // Written last. A collection without it is one that was interrupted, which is not gone on with: its
    // lengths of texts would be averaged over other batches.
    const complete = `${collection}.json`
    if (!this.#fresh && existsSync(complete) && existsSync(collection)) {
      const { made, seconds } = JSON.parse(readFileSync(complete, 'utf8'))
      this.#say(`${definition.collection}: indexed ${made} in ${seconds} s (--fresh: again)`)
    } else {
      this.#say(`${definition.collection}: indexing`)
      rmSync(complete, { force: true })
      rmSync(collection, { recursive: true, force: true })
      const started = performance.now()
      esplanade(indexArgs(definition, places))
      const seconds = Math.round((performance.now() - started) / 1000)
      writeFileSync(complete, JSON.stringify({ made: new Date().toISOString(), seconds }))
      this.#say(`${definition.collection}: indexed in ${seconds} s`)
    }
    this.#ready.add(collection)
  }

  #run(definition, places) {
    const key = JSON.stringify(runArgs(definition, { ...places, run: '' }))
    if (!this.#runs.has(key)) {
      esplanade(runArgs(definition, places))
      this.#runs.set(key, places.run)
    }
    return this.#runs.get(key)
  }
}

/** Runs a command of the built package, and gives what it prints. @param {string[]} args */
function esplanade(args) {
  const { status, signal, stdout, error } = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status === 0) return stdout
  const reason = error?.message ?? (signal === null ? `exit status ${status}` : signal)
  throw new Error(`esplanade ${args.join(' ')}: ${reason}`)
}
