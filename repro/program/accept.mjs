import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument, Scalar } from 'yaml'
import { figureOf, statisticOf } from './differences.mjs'

/**
 * Writes what was measured into the definition's file, for a person to look at the difference. Comments
 * and the order of the fields stay.
 *
 * @param {string} folder
 * @param {import('./definition.mjs').Definition} definition
 * @param {import('./measure.mjs').Measured} measured
 */
export function accept(folder, definition, measured) {
  const file = join(folder, `${definition.name}.yaml`)
  const document = parseDocument(readFileSync(file, 'utf8'))
  for (const name of Object.keys(measured.statistics)) {
    document.setIn(['statistics', name], statisticOf(measured, name))
  }
  for (const name of Object.keys(definition.figures)) {
    const figure = new Scalar(figureOf(measured, name))
    figure.minFractionDigits = 4
    document.setIn(['figures', name], figure)
  }
  writeFileSync(file, document.toString({ lineWidth: 0 }))
}
