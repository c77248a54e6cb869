import { EsplanadeError } from '../errors.ts'
import type { GraphShape } from '../search/hnsw-graph.ts'
import { refuseAt } from '../segment/segment-reader.ts'

/**
 * What points are in `usearch`. Those of dot products lie there as bfloat16 (float32 without its lower
 * half): half the memory and half the time, and what that rounds does not matter, as candidates are scored
 * anew. A distance may be a small difference of large numbers, so points of distances are float32.
 */
export const USEARCH_SETTINGS = {
  dot: { metric: 'ip', quantization: 'bf16', scalarBytes: 2 },
  distance: { metric: 'l2sq', quantization: 'f32', scalarBytes: 4 }
} as const

/**
 * Checks the links of a graph as `usearch` 2 writes them (`index_dense.hpp`, `index.hpp`). Its reader
 * trusts them: a link to a point that is not there makes it read memory that is not its own. So every
 * count and every link is looked at before it reads them.
 *
 *     head      64 bytes  magic, version, types, counts
 *     graph     40 bytes  points, connectivity twice, highest level, entry point: u64 each
 *     levels    i16 of each point: it stands on the levels from 0 to this
 *     points    of each: u64 number, i16 level, a list of 2 · connectivity links on level 0,
 *               and one of connectivity on each level above
 *     list      u32 count, then as many u32 as the list may have; those past the count mean nothing
 */
const HEAD_BYTES = 64
const GRAPH_BYTES = 40
const POINT_BYTES = 10

/** Where each field of the head stands. */
const HEAD = {
  versionMajor: 7, // u16
  metric: 13, // u8, as are the next three
  scalar: 14,
  numberType: 15,
  linkType: 16,
  numPoints: 17, // u64
  numRemoved: 25, // u64
  dimensions: 33, // u64
  isMulti: 41 // u8
} as const

const GRAPH = {
  numPoints: HEAD_BYTES,
  connectivity: HEAD_BYTES + 8,
  baseConnectivity: HEAD_BYTES + 16,
  maxLevel: HEAD_BYTES + 24,
  entry: HEAD_BYTES + 32
} as const

const MAGIC = new TextEncoder().encode('usearch')
const VERSION = 2

/** How `usearch` writes its metrics and types: `metric_kind_t` and `scalar_kind_t`. */
const METRIC_CODES = { ip: 0x69, l2sq: 0x65 } as const
const SCALAR_CODES = { bf16: 4, f32: 11 } as const
const U64 = 14
const U32 = 15

/**
 * The number of each point, in the order in which they stand: that of adding, with one thread.
 *
 * @param place - what to call them in an error message
 * @throws EsplanadeError `INDEX_VERSION` for another version of `usearch`, `INDEX_CORRUPT` for all else
 */
export function checkLinks(links: Uint8Array, shape: GraphShape, place?: string): Uint32Array {
  const refuse = refuseAt(place)
  const { numPoints, connectivity } = shape
  const levelsAt = HEAD_BYTES + GRAPH_BYTES
  const pointsAt = levelsAt + 2 * numPoints
  if (links.length < pointsAt || MAGIC.some((byte, i) => links[i] !== byte)) {
    refuse(`links: these ${links.length} bytes do not begin as those of usearch do`)
  }
  const view = new DataView(links.buffer, links.byteOffset, links.length)
  checkVersion(view.getUint16(HEAD.versionMajor, true), place)
  checkFields(view, shape, (name, given, expected) =>
    refuse(`links: ${name} ${given}`, String(expected))
  )
  const maxLevel = Number(view.getBigUint64(GRAPH.maxLevel, true))
  const entry = Number(view.getBigUint64(GRAPH.entry, true))
  const levels = new Uint8Array(numPoints)
  const levelBytes = 4 + 4 * connectivity
  let end = pointsAt
  for (let i = 0; i < numPoints; i++) {
    const level = view.getInt16(levelsAt + 2 * i, true)
    // Levels are drawn with falling chances: even of 2^24 points none gets near 255.
    if (level < 0 || level > Math.min(maxLevel, 255)) refuse(`links: level ${level} of point ${i}`)
    levels[i] = level
    end += POINT_BYTES + 4 + 8 * connectivity + level * levelBytes
  }
  if (end !== links.length) refuse(`links: ${links.length} bytes`, String(end))
  if (!(entry < numPoints && levels[entry] === maxLevel)) refuse(`links: entry point ${entry}`)
  return checkPoints(view, pointsAt, levels, connectivity, refuse)
}

function checkVersion(major: number, place: string | undefined): void {
  if (major === VERSION) return
  throw new EsplanadeError('INDEX_VERSION', {
    place,
    problem: `links of usearch ${major}`,
    expected: `links of usearch ${VERSION}, the only ones that this release reads`,
    remedy: 'Build the graph again'
  })
}

function checkFields(
  view: DataView,
  shape: GraphShape,
  refuse: (name: string, given: number | bigint, expected: number) => never
): void {
  const { numPoints, connectivity, nearness } = shape
  const { metric, quantization } = USEARCH_SETTINGS[nearness]
  const bytes = {
    metric: METRIC_CODES[metric],
    scalar: SCALAR_CODES[quantization],
    numberType: U64,
    linkType: U32,
    isMulti: 0
  }
  for (const [name, expected] of Object.entries(bytes)) {
    const given = view.getUint8(HEAD[name as keyof typeof bytes])
    if (given !== expected) refuse(name, given, expected)
  }
  const numbers: readonly (readonly [name: string, at: number, expected: number])[] = [
    ['numPoints', HEAD.numPoints, numPoints],
    ['numRemoved', HEAD.numRemoved, 0],
    ['dimensions', HEAD.dimensions, shape.dimensions],
    ['numPoints', GRAPH.numPoints, numPoints],
    ['connectivity', GRAPH.connectivity, connectivity],
    ['baseConnectivity', GRAPH.baseConnectivity, 2 * connectivity]
  ]
  for (const [name, at, expected] of numbers) {
    const given = view.getBigUint64(at, true)
    if (given !== BigInt(expected)) refuse(name, given, expected)
  }
}

/** The numbers. Every point has one of its own, and links to points of the level alone. */
function checkPoints(
  view: DataView,
  pointsAt: number,
  levels: Uint8Array,
  connectivity: number,
  refuse: (problem: string) => never
): Uint32Array {
  const numPoints = levels.length
  const numbers = new Uint32Array(numPoints)
  const isTaken = new Uint8Array(numPoints)
  let at = pointsAt
  for (let i = 0; i < numPoints; i++) {
    const number = view.getUint32(at, true)
    if (view.getUint32(at + 4, true) !== 0 || !(isTaken[number] === 0)) {
      refuse(`links: number ${number} of point ${i}`)
    }
    isTaken[number] = 1
    numbers[i] = number
    if (view.getInt16(at + 8, true) !== levels[i]) refuse(`links: level of point ${i}`)
    at += POINT_BYTES
    for (let level = 0; level <= levels[i]!; level++) {
      const room = level === 0 ? 2 * connectivity : connectivity
      const count = view.getUint32(at, true)
      if (count > room) refuse(`links: ${count} of point ${i}`)
      for (let n = 0; n < count; n++) {
        const link = view.getUint32(at + 4 + 4 * n, true)
        if (!(levels[link]! >= level)) refuse(`links: from point ${i} to ${link}`)
      }
      at += 4 + 4 * room
    }
  }
  return numbers
}
