import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Index, MetricKind, ScalarKind } from 'usearch'
import { EsplanadeError } from '../errors.ts'
import type { GraphShape, HnswGraph, HnswLibrary } from '../search/hnsw-graph.ts'
import { fileError } from './file-error.ts'
import { checkLinks, USEARCH_SETTINGS } from './usearch-links.ts'

/**
 * HNSW graphs by `usearch`, which is native code and an optional dependency. This is the only file of the
 * package that imports it, and it does so when the first graph is made.
 *
 * `usearch` reads and writes files, of given names, and keeps the points in them. What is kept of such a
 * file is the links: the points are at hand already, and are put before them when a graph is opened.
 */

/** Bytes of points that are written at once. */
const WRITE_BYTES = 2 ** 22

/** @throws EsplanadeError `RUNTIME_MISSING` */
export async function loadUsearch(): Promise<HnswLibrary> {
  let module: typeof import('usearch')
  try {
    module = await import('usearch')
  } catch (cause) {
    throw new EsplanadeError('RUNTIME_MISSING', {
      problem: 'HNSW (the package usearch) is not installed or does not load',
      expected:
        'usearch 2, an optional dependency that some installs leave out silently, and a system that it ' +
        'has a binary for',
      remedy: 'Install it: npm i usearch; or search exactly, which needs no graph',
      cause
    })
  }
  return {
    create: shape => new UsearchGraph(newIndex(module, shape), shape),
    open: async (shape, links, pointsOf, place) => {
      const numbers = checkLinks(links, shape, place)
      const index = newIndex(module, shape)
      await withTemporaryFile(async path => {
        await writeFileOf(path, { links, numbers, pointsOf }, shape)
        failing('open a graph', () => index.load(path))
      })
      return new UsearchGraph(index, shape)
    }
  }
}

function newIndex(module: typeof import('usearch'), shape: GraphShape): Index {
  const { metric, quantization } = USEARCH_SETTINGS[shape.nearness]
  return failing(
    'make a graph',
    () =>
      new module.Index({
        dimensions: shape.dimensions,
        metric: metric as MetricKind,
        quantization: quantization as ScalarKind,
        connectivity: shape.connectivity,
        expansion_add: shape.expansionAdd,
        // A search keeps as many candidates as hits are asked for, but not fewer than this.
        expansion_search: 1,
        multi: false
      })
  )
}

class UsearchGraph implements HnswGraph {
  readonly #index: Index
  readonly #shape: GraphShape

  constructor(index: Index, shape: GraphShape) {
    this.#index = index
    this.#shape = shape
  }

  add(first: number, points: Float32Array, numThreads: number): void {
    const { dimensions, nearness } = this.#shape
    const numbers = BigUint64Array.from({ length: points.length / dimensions }, (_, i) =>
      BigInt(first + i)
    )
    if (nearness === 'dot') roundToBfloat16(points)
    failing('add to a graph', () => this.#index.add(numbers, points, numThreads))
  }

  nearest(point: Float32Array, count: number): Uint32Array {
    const { keys } = failing('search a graph', () => this.#index.search(point, count, 1))
    const numbers = new Uint32Array(keys.length)
    for (let i = 0; i < keys.length; i++) numbers[i] = Number(keys[i])
    return numbers
  }

  async links(): Promise<Uint8Array> {
    const shape = this.#shape
    const bytes = await withTemporaryFile(async path => {
      failing('save a graph', () => this.#index.save(path))
      return readFile(path)
    })
    const links = Uint8Array.from(bytes.subarray(8 + shape.numPoints * pointBytes(shape)))
    // A release of usearch that writes them in another way would be found here, not by a reader.
    checkLinks(links, shape)
    return links
  }
}

function pointBytes({ dimensions, nearness }: GraphShape): number {
  return dimensions * USEARCH_SETTINGS[nearness].scalarBytes
}

/** The file that `usearch` would have written: the size of the points, the points, the links. */
async function writeFileOf(
  path: string,
  {
    links,
    numbers,
    pointsOf
  }: {
    readonly links: Uint8Array
    readonly numbers: Uint32Array
    readonly pointsOf: (numbers: Uint32Array) => Float32Array
  },
  shape: GraphShape
): Promise<void> {
  // Made here and now: nobody else's file is written to.
  const file = await open(path, 'wx', 0o600)
  try {
    await write(file, new Uint8Array(Uint32Array.of(shape.numPoints, pointBytes(shape)).buffer))
    const step = Math.max(1, Math.floor(WRITE_BYTES / pointBytes(shape)))
    for (let first = 0; first < shape.numPoints; first += step) {
      const points = pointsOf(numbers.subarray(first, first + step))
      await write(file, shape.nearness === 'dot' ? bfloat16Bytes(points) : bytesOf(points))
    }
    await write(file, links)
  } finally {
    await file.close()
  }
}

async function write(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, Math.min(WRITE_BYTES, bytes.length - at))).bytesWritten
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Rounds to the nearest, ties to even, in place: what the lower half of each number would hold is 0. */
function roundToBfloat16(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!
    bits[i] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff_0000
  }
  return bits
}

function bfloat16Bytes(values: Float32Array): Uint8Array {
  const bits = roundToBfloat16(values)
  const halves = new Uint16Array(bits.length)
  for (let i = 0; i < bits.length; i++) halves[i] = bits[i]! >>> 16
  return new Uint8Array(halves.buffer)
}

/** Runs with the path of a file that is removed afterwards. */
async function withTemporaryFile<T>(run: (path: string) => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `esplanade-${process.pid}-${randomBytes(8).toString('hex')}.usearch`)
  try {
    return await run(path)
  } catch (cause) {
    throw fileError(cause, path, 'write')
  } finally {
    await rm(path, { force: true })
  }
}

function failing<T>(task: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new EsplanadeError('RUNTIME_FAILED', {
      problem: `usearch could not ${task}: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: 'If memory ran out, index fewer vectors; else report this as a bug',
      cause
    })
  }
}
