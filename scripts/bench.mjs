import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * `npm run bench -- NAME [options]`: builds the package, then runs `bench/NAME.mjs` on what was
 * built, so that no figure is that of yesterday's code.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [name, ...options] = process.argv.slice(2)
const names = readdirSync(join(root, 'bench'), { withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.mjs'))
  .map(entry => entry.name.replace('.mjs', ''))

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME [--help]\nNAME: ${names.join(', ')}\n`)
  process.exitCode = 2
} else {
  // stdout belongs to the figures; npm's own output goes with what else is said.
  const shell = process.platform === 'win32'
  const build = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    shell,
    stdio: ['ignore', 2, 2]
  })
  if (build.status !== 0 || !existsSync(join(root, 'dist'))) process.exitCode = 1
  else {
    const bench = join(root, 'bench', `${name}.mjs`)
    const { status } = spawnSync(process.execPath, [bench, ...options], { stdio: 'inherit' })
    process.exitCode = status ?? 1
  }
}
