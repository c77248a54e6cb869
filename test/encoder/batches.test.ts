import fc from 'fast-check'
import { expect, it } from 'vitest'
import { planBatches } from '../../src/encoder/batches.ts'
import { windowsOf } from '../../src/encoder/windows.ts'

it('every text is in one batch, and no batch of several exceeds the budget', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2, max: 512 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 4096 }),
      (lengths, budget) => {
        const batches = planBatches(lengths, budget)
        expect(batches.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()])
        for (const batch of batches) {
          const longest = Math.max(...batch.map(index => lengths[index]!))
          if (batch.length > 1) expect(longest * batch.length).toBeLessThanOrEqual(budget)
        }
      }
    )
  )
})

it('windows keep the order and are bounded in texts and characters', async () => {
  const texts = Array.from({ length: 1300 }, (_, i) => `text ${i}`)
  const windows = []
  for await (const window of windowsOf(texts)) windows.push(window)
  expect(windows.flat()).toEqual(texts)
  expect(Math.max(...windows.map(window => window.length))).toBe(512)
  const large = Array.from({ length: 9 }, () => 'x'.repeat(1_500_000))
  const sizes = []
  for await (const window of windowsOf(large)) sizes.push(window.length)
  expect(sizes).toEqual([3, 3, 3])
})
