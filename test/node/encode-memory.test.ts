import { expect, it } from 'vitest'
import { runProgram } from '../run-program.ts'

const entry = new URL('../../dist/entry/encoder.js', import.meta.url).href

/** By how much the peak memory of a process grows, in MB, when it encodes texts of 512 tokens. */
function growthOf(numTexts: number, maxBatchTokens: number): number {
  const program = `
    const { SparseEncoder } = await import(${JSON.stringify(entry)})
    const options = { precision: 'float32', maxTokens: 512, maxBatchTokens: ${maxBatchTokens} }
    const encoder = await SparseEncoder.load('splade-tiny', options)
    const peak = () => process.resourceUsage().maxRSS * 1024
    await encoder.encodeDocument('a few words')
    const before = peak()
    const text = 'salt wind tide rope mast gull fog bridge '.repeat(80)
    let numTokens = 0
    const onProgress = progress => { numTokens = progress.numTokens }
    await encoder.encodeDocument(Array(${numTexts}).fill(text), { onProgress })
    if (numTokens !== ${numTexts} * 512) throw new Error(String(numTokens))
    console.log((peak() - before) / 1e6)
    await encoder.close()`
  const { stdout, stderr } = runProgram(process.execPath, ['--input-type=module', '-e', program])
  expect(stderr).toBe('')
  return Number(stdout)
}

it('the memory of encoding is bounded by the tokens of a batch, not by the number of texts', () => {
  // The logits of all texts alone would be 16 × 512 × 30,522 numbers: 1,000 MB.
  expect(growthOf(16, 1024)).toBeLessThan(90)
  expect(growthOf(16, 8192)).toBeGreaterThan(150)
})
