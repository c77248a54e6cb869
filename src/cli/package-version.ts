import { createRequire } from 'node:module'

/** The version of the package, as its `package.json` has it. */
export function packageVersion(): string {
  return createRequire(import.meta.url)('esplanade/package.json').version
}
