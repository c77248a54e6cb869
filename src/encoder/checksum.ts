import crc32 from 'crc-32'
import type { ModelFiles } from './model-files.ts'

/** CRC-32 of bytes one after the other, eight hexadecimal digits. */
export function checksumOf(
  parts: readonly Uint8Array[],
  { crc32: native }: { readonly crc32?: ModelFiles['crc32'] }
): string {
  const add = native ?? ((bytes, before) => crc32.buf(bytes, before))
  const crc = parts.reduce((sum, part) => add(part, sum), 0)
  return (crc >>> 0).toString(16).padStart(8, '0')
}
