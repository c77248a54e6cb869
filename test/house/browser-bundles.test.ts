import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bundleForBrowser } from '../browser/bundle.ts'

/**
 * What an entry point weighs in a page: all of it, minified and compressed by gzip, without ONNX
 * Runtime. The ceilings are a little above what it is, so that a dependency or a file that slips in
 * is seen; raise one when the weight is worth it.
 */
const CEILINGS_KB: Readonly<Record<string, number>> = {
  esplanade: 1.8,
  'esplanade/corpus': 4,
  'esplanade/text': 19,
  'esplanade/encoder': 60,
  'esplanade/lexical': 6,
  'esplanade/search': 40,
  'esplanade/fusion': 3,
  'esplanade/explain': 1.5,
  'esplanade/eval': 10
}

test.each(Object.entries(CEILINGS_KB))('%s bundles for browsers, in %d kB', async (name, limit) => {
  const source = `import * as entry from '${name}'\nglobalThis.entry = entry`
  const { files, eagerCode, leftOver } = await bundleForBrowser(source)
  expect(leftOver).toEqual([])
  // Loaded when the first model is.
  const runtimes = [...files.keys()].flatMap(file => /^ort\.\w+/.exec(file)?.[0] ?? []).sort()
  expect(runtimes).toEqual(name === 'esplanade/encoder' ? ['ort.wasm', 'ort.webgpu'] : [])
  const kilobytes = gzipSync(eagerCode).length / 1000
  expect(kilobytes).toBeLessThan(limit)
  // A ceiling far above says nothing.
  expect(kilobytes).toBeGreaterThan(limit / 2)
})

test('a module of Node would be seen', async () => {
  const { leftOver } = await bundleForBrowser("import fs from 'node:fs'\nconsole.log(fs)")
  expect(leftOver).toEqual(['node:fs'])
})
