import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missingEntries } from '../../scripts/complete-lock.mjs'
import { runProgram } from '../run-program.ts'
import { read, root } from './repository.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-scripts-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (script: string, ...args: string[]) => runProgram(process.execPath, [script, ...args])

test('whatever bundles the source compiles the kernels first', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const commands = [...Object.values(scripts), read('scripts/quickstart.mjs')]
  const bundling = commands.filter(command => command.includes('tsdown'))
  expect(bundling.length).toBeGreaterThan(2)
  for (const command of bundling) {
    const kernels = command.indexOf('build-kernels.mjs')
    expect(kernels).toBeGreaterThan(-1)
    expect(kernels).toBeLessThan(command.indexOf('tsdown'))
  }
})

describe('scripts/install.mjs', () => {
  /** A repository with one dependency, which lies beside it: nothing is fetched. */
  const repository = (name: string, node = '>=18.0') => {
    const place = join(folder, name)
    mkdirSync(join(place, 'scripts'), { recursive: true })
    mkdirSync(join(place, 'part'))
    cpSync(join(root, 'scripts/install.mjs'), join(place, 'scripts/install.mjs'))
    const write = (file: string, value: unknown) =>
      writeFileSync(join(place, file), JSON.stringify(value))
    const dependencies = { part: 'file:part' }
    const own = { name, version: '1.0.0', dependencies, engines: { node } }
    write('package.json', own)
    write('part/package.json', { name: 'part', version: '1.0.0' })
    const packages = {
      '': own,
      'node_modules/part': { resolved: 'part', link: true },
      part: { version: '1.0.0' }
    }
    write('package-lock.json', { name, version: '1.0.0', lockfileVersion: 3, packages })
    return { place, write, own, packages, script: join(place, 'scripts/install.mjs') }
  }

  test('installs what is missing, then stays silent until the lock file changes', () => {
    const { place, write, own, packages, script } = repository('fresh')
    const first = run(script)
    expect(first.stderr).toContain('npm ci')
    expect(first.status).toBe(0)
    expect(existsSync(join(place, 'node_modules/part/package.json'))).toBe(true)

    const second = run(script)
    expect([second.status, second.stdout, second.stderr]).toEqual([0, '', ''])

    const changed = { ...packages, part: { version: '2.0.0' } }
    write('part/package.json', { name: 'part', version: '2.0.0' })
    write('package-lock.json', { ...own, lockfileVersion: 3, packages: changed })
    expect(run(script).stderr).toContain('npm ci')
    const installed = readFileSync(join(place, 'node_modules/part/package.json'), 'utf8')
    expect(JSON.parse(installed).version).toBe('2.0.0')
  })

  test('says that npm failed by its exit code', () => {
    const { place, script } = repository('broken')
    writeFileSync(
      join(place, 'package.json'),
      JSON.stringify({ name: 'broken', engines: { node: '>=18.0' }, dependencies: { no: '1.0.0' } })
    )
    expect(run(script).status).not.toBe(0)
  })

  test('refuses a Node that is too old before anything else', () => {
    const { place, script } = repository('old', '>=99.1')
    const { status, stderr } = run(script)
    expect(status).toBe(1)
    expect(stderr).toContain(`needs Node 99.1 or later; this is ${process.versions.node}`)
    expect(existsSync(join(place, 'node_modules'))).toBe(false)
  })

  test('has nothing to do here, and that takes no time', () => {
    const { status, stdout, stderr } = run(join(root, 'scripts/install.mjs'))
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})

describe('scripts/complete-lock.mjs', () => {
  test('has nothing to add to package-lock.json: npm ci works from any registry', () => {
    const { packages } = JSON.parse(read('package-lock.json'))
    expect(Object.keys(packages)).toContain('node_modules/typescript')
    expect(missingEntries(packages)).toEqual({})
  })

  test('adds the platforms that a registry left out', () => {
    const wanted = {
      't-linux-x64': '1.0.0',
      't-darwin-arm64': '1.0.0',
      't-linux-arm-musl': '1.0.0'
    }
    const packages = {
      'node_modules/tool': { dev: true, optionalDependencies: wanted },
      'node_modules/tool/node_modules/t-linux-x64': { version: '1.0.0' }
    }
    const entry = { version: '1.0.0', dev: true, optional: true }
    expect(missingEntries(packages)).toEqual({
      'node_modules/t-darwin-arm64': { ...entry, cpu: ['arm64'], os: ['darwin'] },
      'node_modules/t-linux-arm-musl': { ...entry, cpu: ['arm'], libc: ['musl'], os: ['linux'] }
    })
  })
})

describe('.ci/summary.mjs', () => {
  const file = (status: string, ...results: string[]) => ({
    status,
    assertionResults: results.map(result => ({ status: result }))
  })
  const summary = (testResults: unknown, ...codes: number[]) => {
    const report = join(folder, 'report.json')
    writeFileSync(report, testResults === undefined ? '' : JSON.stringify({ testResults }))
    const { stdout, status } = run(join(root, '.ci/summary.mjs'), report, ...codes.map(String))
    return [stdout, status]
  }

  test.each([
    ['all is well', [file('passed', 'passed', 'passed')], 0, 0, '2 passed, 0 failed', 0],
    ['skipped', [file('passed', 'passed', 'pending')], 0, 0, '1 passed, 0 failed, 1 skipped', 0],
    ['a failure', [file('failed', 'passed', 'failed')], 1, 0, '1 passed, 1 failed', 1],
    [
      'a file that does not load',
      [file('passed', 'passed'), file('failed')],
      1,
      0,
      '1 passed, 1 failed',
      1
    ],
    ['an error outside the tests', [file('passed', 'passed')], 1, 0, '1 passed, 1 failed', 1],
    ['a failed check', [file('passed', 'passed')], 0, 2, '1 passed, 1 failed', 1],
    ['a build that breaks', undefined, 1, 1, '0 passed, 2 failed', 1],
    ['nothing ran', [], 0, 0, '0 passed, 1 failed', 1]
  ])('%s', (_, results, tests, check, line, status) => {
    expect(summary(results, tests, check)).toEqual([`${line}\n`, status])
  })

  test('quality figures count where they were measured', () => {
    const results = [file('passed', 'passed')]
    expect(summary(results, 0, 0, 0)).toEqual(['2 passed, 0 failed\n', 0])
    expect(summary(results, 0, 0, 1)).toEqual(['1 passed, 1 failed\n', 1])
  })
})
