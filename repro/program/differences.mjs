/** Statistics that rest on weights of a model: one that is next to zero is there or not. */
const OF_THE_MODEL = ['numPostings']

/**
 * What was measured and is not what was expected, in words.
 *
 * @param {import('./definition.mjs').Definition} definition
 * @param {import('./measure.mjs').Measured} measured
 * @returns {string[]}
 */
export function differences({ statistics, figures, reference, tolerance }, measured) {
  const found = []
  const compare = (name, value, expected, allowed) => {
    if (expected === null) return
    // What is written has four digits; that binary fractions are near them only is no difference.
    if (value !== undefined && Math.abs(value - expected) <= allowed + 1e-9) return
    const most = allowed > 0 ? ` (${Number(allowed.toPrecision(3))} more or less is allowed)` : ''
    found.push(`${name} ${value ?? 'is not there'}, expected ${expected}${most}`)
  }
  for (const [name, expected] of Object.entries(statistics)) {
    const share = OF_THE_MODEL.includes(name) ? tolerance.postings : 0
    compare(name, statisticOf(measured, name), expected, share * expected)
  }
  for (const [name, expected] of Object.entries(figures)) {
    compare(name, figureOf(measured, name), expected, tolerance.figures)
  }
  for (const [name, expected] of Object.entries(reference)) {
    const value = figureOf(measured, name)
    if (value >= expected - tolerance.reference - 1e-9) continue
    found.push(`${name} ${value} is below the reference's ${expected} by more than allowed`)
  }
  return found
}

/** What the definition has no value for yet. */
export function unmeasured({ statistics, figures }) {
  return Object.entries({ ...statistics, ...figures })
    .filter(([, value]) => value === null)
    .map(([name]) => name)
}

/** A mean to four digits. */
export function figureOf(measured, name) {
  const value = measured.figures[name]
  return value === undefined ? undefined : Number(value.toFixed(4))
}

/** A statistic, to four digits where it is a mean. */
export function statisticOf(measured, name) {
  const value = measured.statistics[name]
  return value === undefined ? undefined : Number(value.toFixed(4))
}
