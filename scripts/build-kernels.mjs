import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Compiles `kernels/` with AssemblyScript and writes the modules into `src/kernel/wasm-bytes.ts`: that
 * of sparse search, once for a memory of its own and once for one that is shared between threads, and
 * that of dense search. Does nothing where that file was made from the same sources.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const target = join(root, 'src/kernel/wasm-bytes.ts')
const sources = join(root, 'kernels')

const MODULES = {
  PLAIN_WASM: { entry: 'index.ts', options: [] },
  SHARED_WASM: {
    entry: 'index.ts',
    options: [
      ...['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
      ...['--enable', 'threads']
    ]
  },
  DENSE_WASM: { entry: 'dense-scan.ts', options: [] }
}
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd']

/** Of everything that the bytes depend on. */
function fingerprint() {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)))
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  hash.update(packages['node_modules/assemblyscript'].version)
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, name)))
  return hash.digest('hex')
}

async function compile({ entry, options }) {
  const { default: asc } = await import('assemblyscript/asc')
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-kernels-'))
  try {
    const out = join(folder, 'kernels.wasm')
    const { error, stderr } = await asc.main([
      join(sources, entry),
      ...['-o', out, ...OPTIONS, ...options]
    ])
    const messages = stderr.toString()
    // A warning is a mistake in the making: an address that does not fit its type.
    if (error !== null || messages !== '') throw new Error(`kernels: ${error ?? ''}\n${messages}`)
    return readFileSync(out).toString('base64')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const mark = `// Made by scripts/build-kernels.mjs from kernels/ (${fingerprint()}).`
if (!existsSync(target) || !readFileSync(target, 'utf8').startsWith(mark)) {
  const lines = [mark, '']
  for (const [name, module] of Object.entries(MODULES)) {
    lines.push(`export const ${name}: string =`, `  '${await compile(module)}'`, '')
  }
  writeFileSync(target, lines.join('\n'))
}
