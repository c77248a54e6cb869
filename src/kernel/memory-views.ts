import { REQUEST, TERM, TERM_BYTES } from './request.ts'

/** A kernel's memory through every element type; all views begin at byte 0. */
export interface MemoryViews {
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
}

/** Views of a buffer whose length is a multiple of 8. */
export function viewsOf(buffer: ArrayBufferLike): MemoryViews {
  return {
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer)
  }
}

/** Reads and writes the fields of one request. */
export class RequestFields {
  readonly memory: MemoryViews
  readonly #address: number

  /** @param address - a multiple of 8 */
  constructor(memory: MemoryViews, address: number) {
    this.memory = memory
    this.#address = address
  }

  u32(field: keyof typeof REQUEST): number {
    return this.memory.u32[(this.#address + REQUEST[field]) >>> 2]!
  }

  i32(field: keyof typeof REQUEST): number {
    return this.memory.i32[(this.#address + REQUEST[field]) >>> 2]!
  }

  f64(field: keyof typeof REQUEST): number {
    return this.memory.f64[(this.#address + REQUEST[field]) >>> 3]!
  }

  setU32(field: keyof typeof REQUEST, value: number): void {
    this.memory.u32[(this.#address + REQUEST[field]) >>> 2] = value
  }

  setF64(field: keyof typeof REQUEST, value: number): void {
    this.memory.f64[(this.#address + REQUEST[field]) >>> 3] = value
  }

  /** A field of the term entry at place `at`. */
  term(at: number, field: keyof typeof TERM): number {
    return this.memory.u32[(this.u32('terms') + at * TERM_BYTES + TERM[field]) >>> 2]!
  }
}
