import { InvalidArgumentError, Option } from 'commander'

/** Parses an option that is a whole number of at least `min`. */
export function count(min: number): (value: string) => number {
  return value => {
    const number = Number(value)
    if (value.trim() !== '' && Number.isSafeInteger(number) && number >= min) return number
    throw new InvalidArgumentError(`Expected a whole number from ${min}.`)
  }
}

/** Parses an option that is a number of at least `min`. */
export function atLeast(min: number): (value: string) => number {
  return value => {
    const number = Number(value)
    if (value.trim() !== '' && Number.isFinite(number) && number >= min) return number
    throw new InvalidArgumentError(`Expected a number from ${min}.`)
  }
}

/** Parses `a,b,c`. */
export function list(value: string): string[] {
  const parts = value.split(',').map(part => part.trim())
  if (parts.every(part => part !== '')) return parts
  throw new InvalidArgumentError('Expected names separated by commas.')
}

/** Collects an option that may be given several times. */
export function repeated(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

/** `--mode`: what queries are compared by. */
export function modeOption(): Option {
  return new Option(
    '--mode <mode>',
    'what is compared: the terms of the model, the words, both in one vector, the dense vectors, or all of these as lists that are fused (default: all that the collection has)'
  ).choices(['sparse', 'bm25', 'combined', 'dense', 'hybrid'])
}

/** `--dense-strategy`: how dense vectors are searched. */
export function denseStrategyOption(): Option {
  return new Option(
    '--dense-strategy <strategy>',
    'exact: all dense vectors are scanned; hnsw: the graphs of the collection are walked (default: hnsw where it keeps them)'
  ).choices(['exact', 'hnsw'])
}

/** `--prune-mass`. */
export function pruneMassOption(): Option {
  return new Option(
    '--prune-mass <share>',
    "keep the heaviest terms that hold this share of a vector's weights, such as 0.9"
  ).argParser(value => {
    const share = Number(value)
    if (share > 0 && share <= 1) return share
    throw new InvalidArgumentError('Expected a number above 0, at most 1.')
  })
}
