/** Bytes as `512 B`, `3.4 MB`, `1.2 GB`. */
export function readableBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}

/** A whole number with separators: `82,192`. */
export function readableCount(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** A count with its noun: `1 text`, `2,000 texts`. */
export function counted(value: number, noun: string): string {
  return `${readableCount(value)} ${noun}${value === 1 ? '' : 's'}`
}
