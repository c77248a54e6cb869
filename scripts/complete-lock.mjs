import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * `node scripts/complete-lock.mjs`, after a dependency was changed: completes `package-lock.json`.
 *
 * Tools with native parts have one optional package for each platform. Where the registry at hand
 * holds only some of them (a mirror for one platform), npm leaves the others out of the lock file,
 * and `npm ci` then refuses it everywhere. Each is pinned by the package that wants it, so its entry
 * can be written without asking a registry: the version, and the platform that its name says. Its
 * checksum is not known here, so npm does not check one where it installs it.
 */

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64']

/** `@biomejs/cli-linux-x64-musl` → what npm needs to know not to fetch it elsewhere. */
const platformOf = name => {
  const words = name.split(/[/-]/)
  const os = SYSTEMS.filter(word => words.includes(word))
  const cpu = PROCESSORS.filter(word => words.includes(word))
  const libc = words.some(word => word.startsWith('musl')) ? ['musl'] : undefined
  return { ...(cpu.length && { cpu }), ...(libc && { libc }), ...(os.length && { os }) }
}

/** Entries that the lock file lacks, by path, for the packages that are in it. */
export const missingEntries = packages => {
  const missing = {}
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isLocked(packages, path, name) || path === '') continue
      if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${path} wants ${name} ${version}`)
      const entry = { version, ...(dev && { dev }), optional: true, ...platformOf(name) }
      missing[`node_modules/${name}`] = entry
    }
  }
  return missing
}

/** Whether a package finds another in its own `node_modules` or in one above it. */
const isLocked = (packages, path, name) => {
  for (let folder = path; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true
    if (folder === '') return false
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json')
  if (!existsSync(file)) throw new Error('package-lock.json is missing: npm install')
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const missing = missingEntries(lock.packages)
  const entries = Object.entries({ ...lock.packages, ...missing })
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  process.stdout.write(`${Object.keys(missing).length} entries added\n`)
}
