import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agrees, codeBlocks } from '../house/code-blocks.ts'
import { read } from '../house/repository.ts'
import { bundleForBrowser } from './bundle.ts'
import { launchChromium, noChromium } from './chromium.ts'
import { PageServer } from './page-server.ts'

/**
 * The built package in a real browser, bundled as an application would: ONNX Runtime is
 * `onnxruntime-web`, and the model comes from a server.
 */

interface PlainVector {
  readonly terms: readonly number[]
  readonly weights: readonly number[]
}

/** Outputs of sentence-transformers 6.2 (float32) for the shipped model. */
const golden: {
  readonly cases: readonly {
    readonly text: string
    readonly terms: readonly number[]
    readonly max: readonly number[]
    readonly sum: readonly number[]
  }[]
} = JSON.parse(readFileSync(new URL('../golden/splade-tiny.json', import.meta.url), 'utf8'))
const texts = golden.cases.map(({ text }) => text)
const example = codeBlocks(read('docs/runtimes.md'), 'docs/runtimes.md').find(({ marks }) =>
  marks.includes('browser')
)

const MODEL = '/models/splade-tiny/'
const TOLERANCE = 1e-4

describe.skipIf(noChromium !== undefined)(
  `in Chromium${noChromium ? ` (${noChromium})` : ''}`,
  () => {
    let browser: Browser
    let server: PageServer
    let elsewhere: PageServer

    beforeAll(async () => {
      const program = read('test/browser/page.js')
      const sources = { test: program, example: example?.code ?? '' }
      const programs = new Map<string, ReadonlyMap<string, string>>()
      for (const [name, source] of Object.entries(sources)) {
        const { files, leftOver } = await bundleForBrowser(source)
        expect(leftOver).toEqual([])
        programs.set(name, files)
      }
      server = await PageServer.start(programs)
      elsewhere = await PageServer.start(new Map())
      browser = await launchChromium()
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
      await elsewhere?.close()
    })

    /** A page with the test program, which has begun. */
    const open = async (path = '/test/'): Promise<Page> => {
      const page = await browser.newPage()
      await page.goto(server.origin + path)
      await page.waitForFunction('globalThis.page')
      return page
    }
    /** Calls a function of the test program. */
    const call = <T>(page: Page, name: string, ...args: readonly unknown[]): Promise<T> =>
      page.evaluate(`page.${name}(...${JSON.stringify(args)})`)

    /** The largest difference of a weight from the golden file, and in how many texts terms differ. */
    const compare = (vectors: readonly PlainVector[], pooling: 'max' | 'sum') => {
      expect(vectors).toHaveLength(golden.cases.length)
      let worst = 0
      let numOtherTerms = 0
      for (const [i, one] of golden.cases.entries()) {
        const { terms, weights } = vectors[i]!
        const expected = new Map(one.terms.map((term, at) => [term, one[pooling][at]!]))
        for (const [at, term] of terms.entries()) {
          worst = Math.max(worst, Math.abs(weights[at]! - (expected.get(term) ?? 0)))
        }
        if (String(terms) !== String(one.terms)) numOtherTerms++
      }
      return { worst, numOtherTerms }
    }

    interface Encoded {
      readonly precision: string
      readonly fingerprint: string
      readonly vectors: readonly PlainVector[]
    }

    test.each([
      ['the default precision', {}, 'mixed', 'max', TOLERANCE],
      ['float32', { precision: 'float32' }, 'float32', 'max', TOLERANCE],
      ['float32, sum pooling', { pooling: 'sum' }, 'float32', 'sum', TOLERANCE],
      ['int8, which is off by a little', { precision: 'int8' }, 'int8', 'max', 0.1]
    ] as const)('the golden texts: %s', async (_, options, precision, pooling, tolerance) => {
      const page = await open()
      expect(await call(page, 'isIsolated')).toBe(false)
      const encoded = await call<Encoded>(page, 'encode', MODEL, options, texts)
      expect(encoded.precision).toBe(precision)
      expect(encoded.fingerprint).toBe('82cbf984')
      const { worst, numOtherTerms } = compare(encoded.vectors, pooling)
      expect(worst).toBeLessThan(tolerance)
      if (precision !== 'int8') expect(numOtherTerms).toBe(0)
      await page.close()
    })

    test('the golden texts with threads, where the page is isolated', async () => {
      const page = await open('/isolated/test/')
      expect(await call(page, 'isIsolated')).toBe(true)
      const { vectors } = await call<Encoded>(page, 'encode', MODEL, { numThreads: 2 }, texts)
      expect(compare(vectors, 'max')).toEqual({ worst: expect.any(Number), numOtherTerms: 0 })
      expect(compare(vectors, 'max').worst).toBeLessThan(TOLERANCE)
      await page.close()
    })

    test('the golden texts in a worker of the application', async () => {
      const page = await open()
      const { vectors } = await call<Encoded>(page, 'inWorker', 'encode', MODEL, {}, texts)
      expect(compare(vectors, 'max').worst).toBeLessThan(TOLERANCE)
      await page.close()
    })

    test.each(['/test/', '/isolated/test/'])(
      'an index in the page %s, searched and explained',
      async path => {
        const page = await open(path)
        const documents = [
          { key: 'fog', text: 'Fog rolled over the harbour, and no boat left before noon.' },
          { key: 'sum', text: 'A sum of squares is never negative.' },
          { key: 'sea', text: 'The ship waited in the mist outside the port.' }
        ]
        const found = await call<{
          isWasm: boolean
          hits: { key: string; score: number; rank: number }[]
          score: number
          terms: { term: string; value: number; inText: boolean; inQuery: boolean }[]
        }>(page, 'search', documents, 'boats in the fog')
        expect(found.isWasm).toBe(true)
        expect(found.hits[0]?.key).toBe('fog')
        expect(found.score).toBe(found.hits[0]?.score)
        const sum = found.terms.reduce((total, { value }) => total + value, 0)
        expect(sum).toBeCloseTo(found.score, 5)
        const fog = found.terms.find(({ term }) => term === 'fog')
        expect(fog).toMatchObject({ inText: true, inQuery: true })
        await page.close()
      }
    )

    test('models that cannot be loaded are refused with what to do', async () => {
      const page = await open()
      const refusal = (model: string, options = {}) => call(page, 'refusal', model, options)
      const refused = (code: string, message: RegExp) => ({
        isOurs: true,
        code,
        message: expect.stringMatching(message)
      })
      expect(await refusal('splade-tiny')).toEqual(
        refused('MODEL_NOT_FOUND', /names no server.*models\/splade-tiny of the package/)
      )
      expect(await refusal('/models/none/')).toEqual(
        refused(
          'MODEL_NOT_FOUND',
          /127\.0\.0\.1:\d+\/models\/none\/model\.safetensors: the model has no file of weights/
        )
      )
      expect(await refusal('/app/')).toEqual(
        refused('MODEL_NOT_FOUND', /the model has no file of weights/)
      )
      expect(await refusal(`${elsewhere.origin}${MODEL}`)).toEqual(
        refused('DOWNLOAD_FAILED', /cannot be fetched.*CORS/)
      )
      expect(await refusal(MODEL, { numWorkers: 2 })).toEqual(
        refused('INVALID_ARGUMENT', /no worker threads/)
      )
      expect(await refusal(MODEL, { device: 'cuda' })).toEqual(
        refused('INVALID_ARGUMENT', /"cuda" is not among.*Expected cpu/)
      )
      expect(await refusal('org/name', { localFilesOnly: true })).toEqual(
        refused('INVALID_ARGUMENT', /localFilesOnly/)
      )
      await page.close()
    })

    test('a name on the hub is an address there, and the token goes with it', async () => {
      const page = await open()
      const requests: { url: string; token: string | undefined }[] = []
      await page.route('https://hub.example/**', async route => {
        const request = route.request()
        requests.push({ url: request.url(), token: request.headers().authorization })
        const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }
        const url = request.url().replace(/^.*\/resolve\/v1\//, `${server.origin}${MODEL}`)
        const response = await page.request.fetch(url)
        const body = await response.body()
        await route.fulfill({ status: response.status(), headers, body })
      })
      const options = { endpoint: 'https://hub.example', revision: 'v1', token: 'secret' }
      const { vectors } = await call<Encoded>(page, 'encode', 'org/tiny', options, texts)
      expect(compare(vectors, 'max').worst).toBeLessThan(TOLERANCE)
      expect(requests.map(({ url }) => url)).toContain(
        'https://hub.example/org/tiny/resolve/v1/config.json'
      )
      expect(new Set(requests.map(({ token }) => token))).toEqual(new Set(['Bearer secret']))
      await page.close()
    })

    test('downloads tell how far they are', async () => {
      const page = await open()
      const file = 'model.safetensors'
      const { numBytes, first, last } = await call<{
        numBytes: number
        first: unknown
        last: unknown
      }>(page, 'progressOf', file)
      const model = 'splade-tiny'
      expect(first).toEqual({ model, file, done: expect.any(Number), total: numBytes })
      expect(last).toEqual({ model, file, done: numBytes, total: numBytes })
      await page.close()
    })

    test('the example of docs/runtimes.md does what it says', async () => {
      expect(example?.output).toBeDefined()
      const page = await browser.newPage()
      const problems: string[] = []
      page.on('pageerror', error => problems.push(error.message))
      await page.goto(`${server.origin}/example/`)
      await page.waitForFunction(() => document.querySelector('pre') !== null)
      const shown = await page.textContent('pre')
      expect(problems).toEqual([])
      if (!agrees(shown ?? '', example!.output!)) expect(shown).toBe(example!.output)
      await page.close()
    })
  }
)
