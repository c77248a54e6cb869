import { execFileSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../run-program.ts'

/** The folder of the whole repository, without a slash at its end. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')

/** The content of a file of the repository. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Files below a folder, as paths from the root with `/`. */
export function filesUnder(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll(sep, '/')
    )
    .sort()
}

/** Files that git knows; undefined outside a checkout, for instance in an archive. */
export function committedFiles(): string[] | undefined {
  if (!existsSync(join(root, '.git'))) return undefined
  const list = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  return list.split('\0').filter(path => path !== '' && existsSync(join(root, path)))
}

/** Runs a tool that is installed in `node_modules` by the path of its script. */
export function runTool(script: string, args: readonly string[]): SpawnSyncReturns<string> {
  const path = join(root, 'node_modules', script)
  return runProgram(process.execPath, [path, ...args], { cwd: root })
}
