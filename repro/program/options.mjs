import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where the collections lie unless `--data` says otherwise. */
const DATA = join(root, '../shared/data/beir')

export const HELP = `usage: npm run repro -- [options]

Runs what repro/*.yaml state, from files to figures, and compares index statistics and figures with what
they expect. Exits with 1 where something is not as expected.

  --only GLOB      such as 'wordnet.*' or '*.bm25' (default: all)
  --data DIR       folder of BEIR collections, each in a folder of its own (default: ../shared/data/beir);
                   where one is not there, its reproductions are skipped
  --fresh          index again, although the collection of an earlier run is kept
  --accept         write what was measured into repro/*.yaml, and the pages; look at the difference
  --write          only write the pages (docs/repro) of what repro/*.yaml expect; nothing is run
  --json           one object a reproduction
  --cache DIR      where collections and runs are kept (default: .cache/repro)
  --definitions DIR, --pages DIR   instead of repro and docs/repro
`

/**
 * @param {string[]} args
 * @throws where an option is unknown
 */
export function optionsOf(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: '*' },
      data: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      accept: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      cache: { type: 'string', default: join(root, '.cache/repro') },
      definitions: { type: 'string', default: join(root, 'repro') },
      pages: { type: 'string', default: join(root, 'docs/repro') },
      help: { type: 'boolean', default: false }
    }
  })
  const place = path => resolve(process.env.INIT_CWD ?? '.', path)
  if (values.data !== undefined && !existsSync(place(values.data))) {
    throw new Error(`--data ${values.data}: no such folder`)
  }
  return {
    ...values,
    data: values.data === undefined ? DATA : place(values.data),
    cache: place(values.cache),
    definitions: place(values.definitions),
    pages: place(values.pages)
  }
}
