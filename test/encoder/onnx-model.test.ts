import { expect, test } from 'vitest'
import { OnnxGraph } from '../../src/encoder/onnx-model.ts'
import { createSession, type GraphModel } from '../../src/encoder/session.ts'

/** Rows of a table by their numbers. */
function tableGraph(table: Float32Array, width: number): OnnxGraph {
  const graph = new OnnxGraph()
  const rows = graph.input('rows', 'int32', ['batch'])
  const found = graph.node('Gather', [graph.floats(table, [table.length / width, width]), rows])
  graph.output('found', found, 'float32', ['batch', width])
  return graph
}

async function rowOf(model: Uint8Array | GraphModel, row: number): Promise<number[]> {
  const session = await createSession(model, 1)
  const rows = { type: 'int32', data: Int32Array.of(row), dims: [1] } as const
  const { found } = await session.run({ rows })
  await session.close()
  return Array.from(found!.data as Float32Array)
}

test('large tensors lie beside a model, which runs as one with all of them inside does', async () => {
  const table = Float32Array.from({ length: 8192 * 4 }, (_, i) => i / 2)
  const graph = tableGraph(table, 4)
  const model = graph.toModel()
  expect(model.externalData).toHaveLength(1)
  expect(model.externalData[0]!.data.buffer).toBe(table.buffer)
  expect(model.bytes.length).toBeLessThan(1000)
  const whole = graph.toBytes()
  expect(whole.length).toBeGreaterThan(table.byteLength)
  const row = [20_000, 20_000.5, 20_001, 20_001.5].map(one => one - 10_000)
  expect(await rowOf(model, 5000)).toEqual(row)
  expect(await rowOf(whole, 5000)).toEqual(row)
})

test('a tensor that is a part of an array is no more than that part', async () => {
  const all = Float32Array.from({ length: 3 * 20_000 }, (_, i) => i)
  const part = all.subarray(20_000, 40_000)
  expect(await rowOf(tableGraph(part, 10).toModel(), 1999)).toEqual([
    ...all.subarray(39_990, 40_000)
  ])
})

test('small tensors lie in the model', async () => {
  const { externalData } = tableGraph(Float32Array.of(1, 2, 3, 4), 2).toModel()
  expect(externalData).toEqual([])
})

test('a model may have more than the 2 GB that fit into one file', () => {
  // Nothing is written to it, so it takes no memory.
  const graph = tableGraph(new Float32Array(550_000_000), 1000)
  expect(() => graph.toBytes()).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }))
  const { bytes, externalData } = graph.toModel()
  expect(bytes.length).toBeLessThan(1000)
  expect(externalData[0]!.data.byteLength).toBe(2_200_000_000)
})
