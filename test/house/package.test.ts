import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publicSurface } from './public-surface.ts'
import { filesUnder, read, root, runTool } from './repository.ts'

const manifest = JSON.parse(read('package.json'))

/** The steps of the data path in order; the whole way comes first. */
const ENTRY_POINTS = [
  '.',
  './corpus',
  './text',
  './encoder',
  './lexical',
  './search',
  './fusion',
  './rerank',
  './explain',
  './eval'
]

/** Entry points that touch the platform: browsers get another one, which has less. */
const WITH_BROWSER_ENTRY = ['.', './corpus', './encoder', './search', './rerank']

const nameOf = (entry: string) => (entry === '.' ? 'index' : entry.slice(2))

describe('the public surface', () => {
  test('is one entry point for each step, in the order of the data path', () => {
    const { './package.json': own, ...entries } = manifest.exports
    expect(Object.keys(entries)).toEqual(ENTRY_POINTS)
    expect(own).toBe('./package.json')
    for (const [name, entry] of Object.entries(entries)) {
      const built = `./dist/entry/${nameOf(name)}`
      const forBrowser = WITH_BROWSER_ENTRY.includes(name) && { browser: `${built}.browser.js` }
      // Conditions are tried in order, so the types stand first.
      expect(JSON.stringify(entry)).toBe(
        JSON.stringify({ types: `${built}.d.ts`, ...forBrowser, default: `${built}.js` })
      )
    }
    const files = [
      ...ENTRY_POINTS.map(name => `src/entry/${nameOf(name)}.ts`),
      ...WITH_BROWSER_ENTRY.map(name => `src/entry/${nameOf(name)}.browser.ts`)
    ]
    expect(filesUnder('src/entry')).toEqual(files.sort())
  })

  test('is the list in public-surface.txt', async () => {
    const entries = ENTRY_POINTS.map(name => ({
      specifier: name === '.' ? 'esplanade' : `esplanade${name.slice(1)}`,
      types: manifest.exports[name].types
    }))
    await expect(publicSurface(entries)).toMatchFileSnapshot('public-surface.txt')
  })

  test('has nothing for browsers alone: what runs there runs in Node', () => {
    const exportsOf = (name: string, ending: string) =>
      publicSurface([{ specifier: name, types: `dist/entry/${nameOf(name)}${ending}` }])
        .split('\n')
        .slice(1)
    for (const name of WITH_BROWSER_ENTRY) {
      const inBrowsers = exportsOf(name, '.browser.d.ts')
      expect(inBrowsers.length).toBeGreaterThan(3)
      expect(exportsOf(name, '.d.ts')).toEqual(expect.arrayContaining(inBrowsers))
    }
  })

  test('has types that need nothing of Node, nor a newer target', () => {
    const temporary = mkdtempSync(join(tmpdir(), 'esplanade-types-'))
    try {
      const program = join(temporary, 'all.mts')
      const imports = ENTRY_POINTS.map(
        (name, i) => `export * as e${i} from '${join(root, manifest.exports[name].default)}'`
      )
      writeFileSync(program, imports.join('\n'))
      const compilerOptions = {
        strict: true,
        noEmit: true,
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: []
      }
      const project = join(temporary, 'tsconfig.json')
      writeFileSync(project, JSON.stringify({ compilerOptions, files: [program] }))
      const tsc = runTool('typescript/bin/tsc', ['-p', project])
      expect(tsc.stdout).toBe('')
      expect(tsc.status).toBe(0)
    } finally {
      rmSync(temporary, { recursive: true, force: true })
    }
  })

  test('is all that can be imported', () => {
    const { resolve } = createRequire(join(root, 'package.json'))
    expect(resolve('esplanade/encoder')).toBe(join(root, 'dist/entry/encoder.js'))
    for (const deep of ['dist/entry/encoder.js', 'src/errors.ts', 'encoder/session']) {
      expect(() => resolve(`esplanade/${deep}`)).toThrow('not defined by "exports"')
    }
  })
})

describe('the package that npm makes', () => {
  let folder: string
  let tarball: string
  let files: { path: string; size: number; mode: number }[]
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'esplanade-package-'))
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const shell = process.platform === 'win32'
    const [pack] = JSON.parse(
      execFileSync('npm', args, { cwd: root, encoding: 'utf8', shell, stdio: 'pipe' })
    )
    tarball = join(folder, pack.filename)
    files = pack.files
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('holds the built code, the model and what one reads, nothing else', () => {
    const paths = files.map(({ path }) => path)
    const built = paths.filter(path => path.startsWith('dist/'))
    expect(built.filter(path => !/\.(js|d\.ts)$/.test(path))).toEqual([])
    expect(built).toEqual(
      expect.arrayContaining(ENTRY_POINTS.map(name => manifest.exports[name].types.slice(2)))
    )
    expect(built).toContain('dist/cli/main.js')
    expect(paths.filter(path => !path.startsWith('dist/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'models/splade-tiny/LICENSE',
      'models/splade-tiny/README.md',
      'models/splade-tiny/config.json',
      'models/splade-tiny/model.safetensors',
      'models/splade-tiny/tokenizer.json',
      'models/splade-tiny/tokenizer_config.json',
      'package.json'
    ])
  })

  test('is small, the model apart', () => {
    const rest = files.filter(({ path }) => !path.startsWith('models/'))
    expect(rest.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(2_000_000)
  })

  test('has the command that the manifest names, for a shell to run', () => {
    const path = manifest.bin.esplanade.replace(/^\.\//, '')
    expect(read(path)).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  test('has nothing that publint would change', async () => {
    const bytes = readFileSync(tarball)
    const { messages, pkg } = await publint({
      strict: true,
      pack: {
        tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
      }
    })
    expect(messages.map(message => formatMessage(message, pkg, { color: false }))).toEqual([])
  })

  test('gives every way of resolving modules the right types (attw)', () => {
    const script = '@arethetypeswrong/cli/dist/index.js'
    const args = [tarball, '--profile', 'esm-only', '--no-color', '--no-emoji']
    const { status, stdout, stderr } = runTool(script, args)
    expect(status, stdout + stderr).toBe(0)
  })
})

describe('nothing is dead (knip):', () => {
  test.each([
    ['no file, export or dependency', []],
    ['no dependency of users that only tests need', ['--production', '--dependencies']]
  ])('%s', (_, options) => {
    const { status, stdout, stderr } = runTool('knip/bin/knip.js', ['--no-progress', ...options])
    expect(status, stdout + stderr).toBe(0)
  })
})
