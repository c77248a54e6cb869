import { EsplanadeError } from '../errors.ts'

/**
 * Where the files of a model come from. The library's entry points hand in how a name becomes
 * files: from the package, from a folder, from anywhere else.
 */
export interface ModelFiles {
  /** What to call the model: its name, or the name of its folder. */
  readonly name: string
  /** The ONNX graph that the caller chose, in place of the weights; undefined: what there is. */
  readonly graphFile?: string | undefined
  /** What to call a file of it in messages. */
  placeOf(file: string): string
  /** The content of a file, or undefined where the model has none of this name. */
  read(file: string): Promise<Uint8Array | undefined>
  /** Whether there is a file of this name, where that is known without reading it. */
  has?(file: string): Promise<boolean>
  /** CRC-32 of bytes, gone on with from that of those before them; for a faster one than JavaScript's. */
  crc32?(bytes: Uint8Array, before: number): number
}

/**
 * The content of a file that a checkpoint cannot do without.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`
 */
export async function requiredFile(files: ModelFiles, file: string): Promise<Uint8Array> {
  const bytes = await files.read(file)
  if (bytes !== undefined) return bytes
  throw new EsplanadeError('MODEL_NOT_FOUND', {
    place: files.placeOf(file),
    problem: 'this file of the model is missing',
    expected: 'config.json, tokenizer.json and model.safetensors',
    remedy:
      'Point to a folder that holds a complete checkpoint; transformers saves one with ' +
      'save_pretrained, as one model.safetensors'
  })
}
