import { quantile } from '../encode/spread.mjs'

/**
 * Times several ways of doing the same in turn, each with all items, pass after pass, so that whatever
 * else the machine does meets all of them alike. The first pass is not timed.
 *
 * @template Item
 * @param {readonly Item[]} items
 * @param {readonly ((item: Item, index: number) => unknown)[]} ways
 * @param {number} passes
 * @returns {Promise<number[]>} of each way the median time of an item, in milliseconds
 */
export async function alternate(items, ways, passes) {
  const times = ways.map(() => [])
  for (let pass = 0; pass <= passes; pass++) {
    for (let turn = 0; turn < ways.length; turn++) {
      // Nobody always comes after the same.
      const way = (turn + pass) % ways.length
      for (const [index, item] of items.entries()) {
        const before = performance.now()
        await ways[way](item, index)
        if (pass > 0) times[way].push(performance.now() - before)
      }
    }
  }
  return times.map(ms => quantile(ms, 0.5))
}
