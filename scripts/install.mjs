import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Installs what the repository needs, if it is not installed: `npm ci` where `node_modules` is
 * missing or is not what `package-lock.json` says. Otherwise it does nothing and takes no time to
 * speak of, so that `npm test` and `npm run build` begin with it.
 *
 * It is plain JavaScript that Node runs on every system with nothing installed, and it says so
 * where Node is too old for the rest.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** @param {string} file */
const readJson = file => JSON.parse(readFileSync(join(root, file), 'utf8'))

/** The lowest version that `engines.node` allows, for instance `20.19`. */
const required = String(readJson('package.json').engines.node).replace(/^>=\s*/, '')

/** @param {string} version */
const isBelowRequired = version => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [requiredMajor = 0, requiredMinor = 0] = required.split('.').map(Number)
  return major < requiredMajor || (major === requiredMajor && minor < requiredMinor)
}

/**
 * npm writes what it has installed to `node_modules/.package-lock.json`, last of all, so an install
 * that was cut off has no such file. Optional packages may be missing: they may not be for this
 * system, or left out by choice.
 */
const isInstalled = () => {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const installed = readJson('node_modules/.package-lock.json').packages
  return Object.entries(readJson('package-lock.json').packages).every(
    ([path, { version, optional }]) => {
      if (path === '') return true
      return path in installed ? installed[path].version === version : optional === true
    }
  )
}

const install = () => {
  process.stderr.write('Installing what package-lock.json names (npm ci) ...\n')
  // onnxruntime-node bundles its CPU backend; its install script only fetches CUDA libraries.
  const env = { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env }
  // On Windows npm is a batch file, which only a shell starts.
  const shell = process.platform === 'win32'
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    env,
    shell,
    stdio: 'inherit'
  })
  if (error !== undefined) process.stderr.write(`npm cannot be started: ${error.message}\n`)
  return status ?? 1
}

if (isBelowRequired(process.versions.node)) {
  process.stderr.write(
    `Esplanade needs Node ${required} or later; this is ${process.versions.node}.\n` +
      'Install a current version of Node and run the command again.\n'
  )
  process.exitCode = 1
} else if (!isInstalled()) {
  process.exitCode = install()
}
