const CENTRES = 500

/**
 * Vectors of length 1 that resemble encoded texts: points around centres; two of one centre have a cosine
 * of about one half. The same numbers always give the same vectors.
 *
 * @param {number} numVectors
 * @param {number} dimensions
 * @returns {Float32Array[]}
 */
export function mixture(numVectors, dimensions) {
  const normal = normalNumbers(1)
  const draw = () => Float32Array.from({ length: dimensions }, normal)
  const centres = Array.from({ length: CENTRES }, draw)
  return Array.from({ length: numVectors }, (_, i) => {
    const centre = centres[(i * 7919) % CENTRES]
    const vector = draw().map((value, j) => value + centre[j])
    const length = Math.hypot(...vector)
    return vector.map(value => value / length)
  })
}

/** mulberry32 (Tommy Ettinger, public domain) and from it numbers of a normal distribution. */
function normalNumbers(seed) {
  let state = seed
  const unit = () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit())
}
