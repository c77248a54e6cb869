import { PbfWriter } from 'pbf'
import { EsplanadeError } from '../errors.ts'
import type { GraphModel } from './session.ts'

/**
 * Writes ONNX models: a graph of operators over named tensors, serialised as the protocol buffer
 * that ONNX Runtime reads.
 *
 * Field numbers are those of `onnx.proto`, IR version 9 (https://github.com/onnx/onnx). Only what
 * encoders need is here: float32 and integer tensors, plain operators, no control flow.
 */

/** A tensor in the graph, by name. */
export type Tensor = string

/** Attribute of an operator: an integer, a list of integers, a text, or a float marked as such. */
export type Attribute = number | readonly number[] | string | { readonly float: number }

type ElementType = 'float32' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool'

export const ELEMENT_TYPE_CODES: Record<ElementType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9
}
const IR_VERSION = 9
const OPSET_VERSION = 20

/** `TensorProto.DataLocation`: the bytes are elsewhere. */
const EXTERNAL = 1
/** Tensors of fewer bytes are not worth a name of their own. */
const MIN_EXTERNAL_BYTES = 65_536
/** A protocol buffer's parser counts its bytes in 32 bits with a sign. */
const MAX_MODEL_BYTES = 2 ** 31 - 1
/** More than the names and sizes of one operator, tensor or port take, whatever its content. */
const BYTES_PER_PART = 1024

interface OnnxNode {
  readonly opType: string
  readonly inputs: readonly Tensor[]
  readonly output: Tensor
  readonly attributes: Readonly<Record<string, Attribute>>
}

interface Initializer {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly number[]
  readonly bytes: Uint8Array
}

interface GraphPort {
  readonly name: string
  readonly type: ElementType
  /** A number is a fixed size, a string names a size that varies from run to run. */
  readonly dims: readonly (number | string)[]
}

/** Collects the parts of a graph; {@link OnnxGraph.toBytes} ends it. */
export class OnnxGraph {
  readonly #nodes: OnnxNode[] = []
  readonly #initializers: Initializer[] = []
  readonly #inputs: GraphPort[] = []
  readonly #outputs: GraphPort[] = []
  readonly #constants = new Map<string, Tensor>()
  #numNames = 0

  /** Declares an input of the graph. */
  input(name: string, type: ElementType, dims: GraphPort['dims']): Tensor {
    this.#inputs.push({ name, type, dims })
    return name
  }

  /** Declares an existing tensor as an output of the graph under its own `name`. */
  output(name: string, source: Tensor, type: ElementType, dims: GraphPort['dims']): void {
    this.#nodes.push({ opType: 'Identity', inputs: [source], output: name, attributes: {} })
    this.#outputs.push({ name, type, dims })
  }

  /** Adds an operator with one output and returns that. */
  node(opType: string, inputs: readonly Tensor[], attributes: OnnxNode['attributes'] = {}): Tensor {
    const output = this.#name(opType)
    this.#nodes.push({ opType, inputs, output, attributes })
    return output
  }

  /** A constant float32 tensor of shape `dims`, row-major. */
  floats(data: Float32Array, dims: readonly number[]): Tensor {
    const name = this.#name('weights')
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.#initializers.push({ name, type: 'float32', dims, bytes })
    return name
  }

  /** A constant tensor of small integers, of shape `dims`, row-major. */
  bytes(data: Int8Array | Uint8Array, dims: readonly number[]): Tensor {
    const name = this.#name('bytes')
    const type = data instanceof Int8Array ? 'int8' : 'uint8'
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.#initializers.push({ name, type, dims, bytes })
    return name
  }

  /** A constant float32 scalar. Equal scalars are one tensor. */
  scalar(value: number): Tensor {
    return this.#constant(`scalar ${value}`, () => this.floats(Float32Array.of(value), []))
  }

  /** A constant one-dimensional int64 tensor, for shapes and axes. Equal lists are one tensor. */
  integers(values: readonly number[]): Tensor {
    return this.#constant(`integers ${values.join()}`, () => {
      const name = this.#name('integers')
      const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
      this.#initializers.push({ name, type: 'int64', dims: [values.length], bytes })
      return name
    })
  }

  /**
   * The serialised model.
   *
   * @throws EsplanadeError `MODEL_UNSUPPORTED` for a model of more than 2 GB
   */
  toBytes(): Uint8Array {
    return this.#serialise(() => false)
  }

  #serialise(isExternal: (tensor: Initializer) => boolean): Uint8Array {
    const writer = new PbfWriter(new Uint8Array(this.#sizeBound(isExternal)))
    writer.writeVarintField(1, IR_VERSION)
    writer.writeStringField(2, 'esplanade')
    writer.writeMessage(7, (_, graph) => this.#writeGraph(graph, isExternal), null)
    writer.writeMessage(8, (_, opset) => opset.writeVarintField(2, OPSET_VERSION), null)
    return writer.finish()
  }

  /**
   * The model with its larger tensors beside it, which are those that were given, not copies. A
   * protocol buffer ends at 2 GB; such a model does not.
   */
  toModel(): GraphModel {
    const isLarge = ({ bytes }: Initializer) => bytes.length >= MIN_EXTERNAL_BYTES
    const externalData = this.#initializers
      .filter(isLarge)
      .map(({ name, bytes }) => ({ path: name, data: bytes }))
    return { bytes: this.#serialise(isLarge), externalData }
  }

  /** Room for all of the model at once: a buffer that grows would hold large weights twice. */
  #sizeBound(isExternal: (tensor: Initializer) => boolean): number {
    const numParts =
      this.#nodes.length + this.#initializers.length + this.#inputs.length + this.#outputs.length
    const weightBytes = this.#initializers
      .filter(tensor => !isExternal(tensor))
      .reduce((sum, { bytes }) => sum + bytes.length, 0)
    const bound = weightBytes + numParts * BYTES_PER_PART
    if (bound <= MAX_MODEL_BYTES) return bound
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      problem: `the model takes ${(weightBytes / 1e9).toFixed(1)} GB as float32`,
      expected: 'at most 2 GB, which is what one ONNX file holds',
      remedy: 'Use a smaller model'
    })
  }

  #name(stem: string): string {
    return `${stem}_${this.#numNames++}`
  }

  #constant(key: string, make: () => Tensor): Tensor {
    const known = this.#constants.get(key) ?? make()
    this.#constants.set(key, known)
    return known
  }

  #writeGraph(writer: PbfWriter, isExternal: (tensor: Initializer) => boolean): void {
    for (const node of this.#nodes) writer.writeMessage(1, writeNode, node)
    writer.writeStringField(2, 'encoder')
    for (const initializer of this.#initializers) {
      writer.writeMessage(
        5,
        isExternal(initializer) ? writeExternal : writeInitializer,
        initializer
      )
    }
    for (const port of this.#inputs) writer.writeMessage(11, writePort, port)
    for (const port of this.#outputs) writer.writeMessage(12, writePort, port)
  }
}

function writeNode(node: OnnxNode, writer: PbfWriter): void {
  for (const input of node.inputs) writer.writeStringField(1, input)
  writer.writeStringField(2, node.output)
  writer.writeStringField(3, node.output)
  writer.writeStringField(4, node.opType)
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.writeMessage(5, (_, attribute) => writeAttribute(name, value, attribute), null)
  }
}

function writeAttribute(name: string, value: Attribute, writer: PbfWriter): void {
  const [float, int, text, ints] = [1, 2, 3, 7]
  writer.writeStringField(1, name)
  if (typeof value === 'number') {
    writer.writeVarintField(3, value)
    writer.writeVarintField(20, int)
  } else if (typeof value === 'string') {
    // A field of bytes, of which a text is a special case.
    writer.writeStringField(4, value)
    writer.writeVarintField(20, text)
  } else if ('float' in value) {
    writer.writeFloatField(2, value.float)
    writer.writeVarintField(20, float)
  } else {
    for (const element of value) writer.writeVarintField(8, element)
    writer.writeVarintField(20, ints)
  }
}

function writeInitializer(initializer: Initializer, writer: PbfWriter): void {
  writeTensor(initializer, writer)
  writer.writeBytesField(9, initializer.bytes)
}

/** Where the bytes of a tensor are: all of a file that has its name. */
function writeExternal(initializer: Initializer, writer: PbfWriter): void {
  writeTensor(initializer, writer)
  const { name, bytes } = initializer
  for (const [key, value] of [
    ['location', name],
    ['offset', '0'],
    ['length', `${bytes.length}`]
  ] as const) {
    writer.writeMessage(13, writeEntry, [key, value])
  }
  writer.writeVarintField(14, EXTERNAL)
}

function writeTensor(initializer: Initializer, writer: PbfWriter): void {
  for (const dim of initializer.dims) writer.writeVarintField(1, dim)
  writer.writeVarintField(2, ELEMENT_TYPE_CODES[initializer.type])
  writer.writeStringField(8, initializer.name)
}

function writeEntry([key, value]: readonly [string, string], writer: PbfWriter): void {
  writer.writeStringField(1, key)
  writer.writeStringField(2, value)
}

function writePort(port: GraphPort, writer: PbfWriter): void {
  writer.writeStringField(1, port.name)
  writer.writeMessage(2, (_, type) => type.writeMessage(1, writeTensorType, port), null)
}

function writeTensorType(port: GraphPort, writer: PbfWriter): void {
  writer.writeVarintField(1, ELEMENT_TYPE_CODES[port.type])
  writer.writeMessage(
    2,
    (dims, shape) => {
      for (const dim of dims) {
        shape.writeMessage(
          1,
          (size, field) => {
            if (typeof size === 'number') field.writeVarintField(1, size)
            else field.writeStringField(2, size)
          },
          dim
        )
      }
    },
    port.dims
  )
}
