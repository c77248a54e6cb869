import { EsplanadeError } from '../errors.ts'
import { CONVERT, MAX_PICKLE_BYTES, type PickleValue, unpickle } from './pickle.ts'
import { ELEMENT_BYTES, numElements, requireFloats, toFloat32 } from './tensor-elements.ts'
import { TORCH_GLOBALS, TorchTensor, torchStorage } from './torch-objects.ts'
import type { WeightsFile } from './weights.ts'
import { isZip } from './zip-directory.ts'
import { ZipEntries } from './zip-entries.ts'

/**
 * Reads the weights in a file of `torch.save(model.state_dict())`, without running anything of it:
 * a zip file since PyTorch 1.6,
 *
 *     NAME/data.pkl     the dictionary of tensors, a pickle program (pickle.ts)
 *     NAME/byteorder    "little" or "big"; absent before PyTorch 2.1
 *     NAME/data/KEY     the elements of one storage, stored, which is to say not compressed
 *
 * Source: `torch/serialization.py`, `caffe2/serialize/inline_container.cc`. Tensors of other types
 * than floats, such as `position_ids`, may be there; they cannot be asked for.
 */
export class TorchWeights implements WeightsFile {
  readonly #place: string
  readonly #zip: ZipEntries
  /** The folder in the zip file, with the slash at its end. */
  readonly #folder: string
  readonly #tensors: ReadonlyMap<string, TorchTensor>

  /**
   * @param bytes - the whole file, which stays in use
   * @param place - what to call it in errors
   * @throws EsplanadeError `MODEL_UNSUPPORTED` for anything but a state dict in a zip file, for big
   * endian, and for opcodes and globals that tensors do not need; `MODEL_FILE_INVALID` where the
   * file is damaged or lies
   */
  constructor(bytes: Uint8Array, place: string) {
    if (!isZip(bytes)) throw notZip(bytes, place)
    this.#place = place
    this.#zip = new ZipEntries(bytes, place)
    this.#folder = findFolder(this.#zip, place)
    requireLittleEndian(this.#zip, `${this.#folder}byteorder`, place)
    const program = this.#zip.content(`${this.#folder}data.pkl`, MAX_PICKLE_BYTES)
    const value = unpickle(program, place, { globals: TORCH_GLOBALS, persistent: torchStorage })
    this.#tensors = tensorsOf(value, place)
    for (const [name, tensor] of this.#tensors) this.#checkStorage(name, tensor)
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()]
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.shape
  }

  floats(name: string, dims: readonly number[]): Float32Array {
    const tensor = requireFloats(this.#place, name, this.#tensors.get(name), dims)
    const { storage, offset, shape, span } = tensor
    if (numElements(shape) > storage.numElements) {
      throw new EsplanadeError('MODEL_UNSUPPORTED', {
        place: this.#place,
        problem: `tensor ${name} of shape [${shape.join(', ')}] repeats its elements`,
        expected: `at most the ${storage.numElements} elements that are stored`,
        remedy: 'Save a copy of it: tensor.contiguous()'
      })
    }
    const elementBytes = ELEMENT_BYTES.get(storage.dtype)!
    const content = this.#zip.content(`${this.#folder}data/${storage.key}`)
    const bytes = content.slice(elementBytes * offset, elementBytes * (offset + span))
    const elements = toFloat32(bytes, storage.dtype)
    return isContiguous(tensor) ? elements : gather(elements, tensor)
  }

  #checkStorage(name: string, { storage }: TorchTensor): void {
    const entry = `${this.#folder}data/${storage.key}`
    const numBytes = this.#zip.sizeOf(entry)
    const expected = storage.numElements * ELEMENT_BYTES.get(storage.dtype)!
    if (numBytes === expected) return
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place: this.#place,
      problem:
        numBytes === undefined
          ? `the storage of tensor ${name} is missing`
          : `the storage of tensor ${name} has ${numBytes} bytes`,
      expected: `${expected} for ${storage.numElements} elements of type ${storage.dtype}`,
      remedy: 'Fetch the file again; it is damaged'
    })
  }
}

/** Whether the elements lie in the order of the rows, without gaps. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== stride) return false
    stride *= shape[i]!
  }
  return true
}

/** The elements of a view row by row: the last index moves fastest. */
function gather(elements: Float32Array, { shape, strides }: TorchTensor): Float32Array {
  const gathered = new Float32Array(numElements(shape))
  const index = new Uint32Array(shape.length)
  let at = 0
  for (let i = 0; i < gathered.length; i++) {
    gathered[i] = elements[at]!
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d]!
      if (++index[d]! < shape[d]!) break
      at -= shape[d]! * strides[d]!
      index[d] = 0
    }
  }
  return gathered
}

function findFolder(zip: ZipEntries, place: string): string {
  const folders = zip.names.filter(name => /^[^/]*\/data\.pkl$/.test(name))
  if (folders.length === 1) return folders[0]!.slice(0, -'data.pkl'.length)
  throw new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem: `the zip file has ${folders.length} entries NAME/data.pkl`,
    expected: 'one, as torch.save writes it',
    remedy: CONVERT
  })
}

function requireLittleEndian(zip: ZipEntries, entry: string, place: string): void {
  if (zip.sizeOf(entry) === undefined) return
  const order = new TextDecoder().decode(zip.content(entry, 16)).trim()
  if (order === 'little') return
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `the order of bytes is ${JSON.stringify(order)}`,
    expected: 'little',
    remedy: CONVERT
  })
}

/** The tensors of a state dict; what else it holds, such as a number of steps, is passed over. */
function tensorsOf(value: PickleValue, place: string): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>()
  const nested: string[] = []
  for (const [key, item] of value instanceof Map ? value : []) {
    if (item instanceof TorchTensor && typeof key === 'string') tensors.set(key, item)
    if (item instanceof Map && item.size > 0) nested.push(JSON.stringify(key))
  }
  if (tensors.size > 0) return tensors
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem:
      nested.length === 0
        ? 'the file holds no dictionary of tensors'
        : `the tensors are not at the top of the file, but under ${nested.slice(0, 5).join(', ')}`,
    expected: 'a dictionary from the names of tensors to tensors',
    remedy: 'Save the state_dict() alone, or convert the model to safetensors with save_pretrained'
  })
}

/** What PyTorch wrote before 1.6 is a row of pickles, the first of which is this number. */
const LEGACY_MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

function notZip(bytes: Uint8Array, place: string): EsplanadeError {
  if (LEGACY_MAGIC.every((byte, i) => bytes[2 + i] === byte)) {
    return new EsplanadeError('MODEL_UNSUPPORTED', {
      place,
      problem: 'the file is of the format that PyTorch wrote before version 1.6',
      expected: 'the zip format of torch.save',
      remedy: CONVERT
    })
  }
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem: `the file starts with the bytes ${hex(bytes.subarray(0, 4))}`,
    expected: 'a zip file as torch.save writes it: 50 4b 03 04',
    remedy: 'Fetch the file again; it is damaged, or a pointer to where the file really is'
  })
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')
}
