import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { HubOptions } from '../../../src/encoder/sparse-encoder.ts'
import { HubModel } from '../../../src/node/hub/hub-model.ts'
import { hubSettings } from '../../../src/node/hub/hub-settings.ts'
import { FakeHub, type FakeModel } from './fake-hub.ts'

/** A hub for the tests of one file, and an empty cache for each of them. */
export interface HubFixture {
  readonly hub: FakeHub
  readonly cacheDir: string
  /** Opens a model, with nothing of the user's environment. */
  open(
    name: string,
    options?: HubOptions,
    environment?: Readonly<Record<string, string>>
  ): Promise<HubModel>
}

export function hubFixture(models: Readonly<Record<string, FakeModel>>): HubFixture {
  let hub: FakeHub
  let cacheDir: string
  beforeAll(async () => {
    hub = await FakeHub.start(models)
  })
  afterAll(() => hub.close())
  beforeEach(() => {
    hub.reset()
    for (const [name, model] of Object.entries(models)) hub.set(name, model)
    cacheDir = mkdtempSync(join(tmpdir(), 'esplanade-hub-'))
  })
  afterEach(() => rmSync(cacheDir, { recursive: true, force: true }))
  return {
    get hub() {
      return hub
    },
    get cacheDir() {
      return cacheDir
    },
    open: async (name, options, environment = {}) => {
      const all = { endpoint: hub.endpoint, cacheDir, ...options }
      const noToken = { HF_TOKEN_PATH: join(cacheDir, 'no-token') }
      const settings = hubSettings(all, { ...noToken, ...environment })
      return HubModel.open(name, all, { ...settings, firstWaitMs: 5 })
    }
  }
}

/** Bytes that look like nothing, the same for the same seed. */
export function noise(numBytes: number, seed: number = 1): Uint8Array {
  const bytes = new Uint8Array(numBytes)
  let state = seed
  for (let i = 0; i < numBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
