/**
 * Where the files of a model come from. The library's entry points hand in how a name becomes
 * files: from the package, from a folder, from anywhere else.
 */
export interface ModelFiles {
  /** What to call the model: its name, or the name of its folder. */
  readonly name: string
  /** What to call a file of it in messages. */
  placeOf(file: string): string
  /** The content of a file, or undefined where the model has none of this name. */
  read(file: string): Promise<Uint8Array | undefined>
}
