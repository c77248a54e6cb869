import { type PickleDictionary, PickleGlobal, PickleObject, type PickleValue } from './pickle.ts'
import { isCount, type TensorType } from './tensor-elements.ts'

/**
 * The objects that a state dict of PyTorch is made of, and the functions that its pickle calls for
 * them (`torch/_utils.py`, `torch/serialization.py`): a tensor is a view of a storage, which is an
 * entry of the zip file.
 */

/** Numbers that one or several tensors look at. */
export class TorchStorage extends PickleObject {
  readonly kind = 'storage'
  /** The entry `data/KEY` of the file holds the elements. */
  readonly key: string
  readonly dtype: string
  readonly numElements: number

  constructor(key: string, dtype: string, numElements: number) {
    super()
    this.key = key
    this.dtype = dtype
    this.numElements = numElements
  }
}

/**
 * Element (i, j, …) is number `offset + i · strides[0] + j · strides[1] + …` of the storage; all of
 * them are in it.
 */
export class TorchTensor extends PickleObject implements TensorType {
  readonly kind = 'tensor'
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(
    storage: TorchStorage,
    offset: number,
    shape: readonly number[],
    strides: readonly number[]
  ) {
    super()
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }

  get dtype(): string {
    return this.storage.dtype
  }

  /** How many numbers of the storage lie from the first element to the last. */
  get span(): number {
    if (this.shape.includes(0)) return 0
    return this.shape.reduce((last, size, i) => last + (size - 1) * this.strides[i]!, 1)
  }
}

/** Element types by the storage's class; the names of types are those of safetensors. */
const STORAGE_TYPES: ReadonlyMap<string, string> = new Map([
  ['torch DoubleStorage', 'F64'],
  ['torch FloatStorage', 'F32'],
  ['torch HalfStorage', 'F16'],
  ['torch BFloat16Storage', 'BF16'],
  ['torch LongStorage', 'I64'],
  ['torch IntStorage', 'I32'],
  ['torch ShortStorage', 'I16'],
  ['torch CharStorage', 'I8'],
  ['torch ByteStorage', 'U8'],
  ['torch BoolStorage', 'BOOL']
])

/** PyTorch itself knows no more dimensions than this. */
const MAX_DIMENSIONS = 64

/** All that the pickle of a state dict may name. */
export const TORCH_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    ...[...STORAGE_TYPES.keys()].map(name => new PickleGlobal(name)),
    new PickleGlobal('collections OrderedDict', newDictionary),
    new PickleGlobal('torch._utils _rebuild_tensor_v2', rebuildTensor),
    new PickleGlobal('torch._utils _rebuild_parameter', rebuildParameter)
  ].map(global => [global.name, global])
)

/** The storage of a persistent id: `('storage', class, key, device, number of elements)`. */
export function torchStorage(id: PickleValue): TorchStorage | undefined {
  if (!Array.isArray(id) || id.length !== 5) return undefined
  const [tag, type, key, , numElements] = id as readonly PickleValue[]
  if (tag !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string') {
    return undefined
  }
  const dtype = STORAGE_TYPES.get(type.name)
  if (dtype === undefined || !isCount(numElements)) return undefined
  return new TorchStorage(key, dtype, numElements)
}

function newDictionary(args: readonly PickleValue[]): PickleDictionary | undefined {
  return args.length === 0 ? new Map() : undefined
}

/**
 * `(storage, offset, shape, strides, requires_grad, backward_hooks[, metadata])`. Gradients and
 * hooks concern training only.
 */
function rebuildTensor(args: readonly PickleValue[]): TorchTensor | undefined {
  const [storage, offset, shape, strides] = args
  if (args.length < 6 || args.length > 7 || !(storage instanceof TorchStorage)) return undefined
  if (!isCount(offset) || !isCounts(shape) || !isCounts(strides)) return undefined
  if (shape.length !== strides.length || shape.length > MAX_DIMENSIONS) return undefined
  const tensor = new TorchTensor(storage, offset, shape, strides)
  return offset + tensor.span <= storage.numElements ? tensor : undefined
}

/** `(tensor, requires_grad, backward_hooks)`: the tensor is what counts. */
function rebuildParameter(args: readonly PickleValue[]): TorchTensor | undefined {
  return args.length === 3 && args[0] instanceof TorchTensor ? args[0] : undefined
}

function isCounts(value: PickleValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount)
}
