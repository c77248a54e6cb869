import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { DONE } from './done.mjs'

const MAX_OUTPUT = 2 ** 26

/**
 * Runs a program of this folder in a process of its own.
 *
 * @param {string} script for instance `round.mjs`
 * @param {...(string | object)} args objects go as JSON
 * @returns {any[]} the lines of JSON that it printed
 */
export function runScript(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const outcome = run(process.execPath, [path, ...args.map(textOf)])
  const lines = outcome.stdout.trimEnd().split('\n')
  if (lines.pop() !== DONE) fail(script, outcome)
  return rowsOf(lines)
}

/**
 * Runs any other program.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} env added to the environment
 * @returns {any[]} the lines of JSON that it printed
 */
export function runJson(program, args, env) {
  const outcome = run(program, args, env)
  if (outcome.status !== 0) fail(`${program} ${args[0]}`, outcome)
  return rowsOf(outcome.stdout.split('\n'))
}

function run(program, args, env = {}) {
  return spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    env: { ...process.env, ...env }
  })
}

function rowsOf(lines) {
  return lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line))
}

function fail(what, { status, signal, stderr, error }) {
  const reason = error?.message ?? reasonOf(stderr) ?? `ended with ${signal ?? status}`
  throw new Error(`${what} failed: ${reason}`)
}

/** The line of a stack trace that says what happened, in Node or Python. */
function reasonOf(stderr) {
  const lines = stderr.trim().split('\n')
  const isError = line => /^(Uncaught )?[\w.]*(Error|Exception)\b.*?:/.test(line)
  return lines.findLast(isError) ?? (lines.at(-1) || undefined)
}

function textOf(arg) {
  return typeof arg === 'string' ? arg : JSON.stringify(arg)
}
