import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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
  return runJson(process.execPath, [path, ...args.map(textOf)])
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env] added to the environment
 * @returns {any[]} the lines of JSON that it printed
 */
export function runJson(program, args, env) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    env: { ...process.env, ...env }
  })
  if (status !== 0) {
    const reason = error?.message ?? reasonOf(stderr) ?? `signal ${signal}`
    throw new Error(`${[program, args[0]].map(baseOf).join(' ')} failed: ${reason}`)
  }
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}

/** The line of a stack trace that says what happened, in Node or Python. */
function reasonOf(stderr) {
  const lines = stderr.trim().split('\n')
  const isError = line => /^(Uncaught )?[\w.]*(Error|Exception)\b.*?:/.test(line)
  return lines.findLast(isError) ?? (lines.at(-1) || undefined)
}

function baseOf(path = '') {
  return path.split(/[\\/]/).at(-1)
}

function textOf(arg) {
  return typeof arg === 'string' ? arg : JSON.stringify(arg)
}
