import { quantile } from '../encode/spread.mjs'

/**
 * Searches one query every `periodMs` until told to stop. A latency is counted from when its query was
 * due, so that a search that has to wait for other work of the event loop shows it.
 */
export class SteadySearches {
  #stopped = false
  #latencies = []
  #done

  constructor(search, queries, periodMs) {
    this.#done = this.#run(search, queries, periodMs)
  }

  async #run(search, queries, periodMs) {
    let due = performance.now()
    for (let i = 0; !this.#stopped; i++) {
      due += periodMs
      const wait = due - performance.now()
      await new Promise(resolve => setTimeout(resolve, Math.max(0, wait)))
      // A timer may fire a little early.
      const start = Math.min(due, performance.now())
      await search(queries[i % queries.length])
      this.#latencies.push(performance.now() - start)
    }
  }

  async stop() {
    this.#stopped = true
    await this.#done
    return {
      numSearches: this.#latencies.length,
      p50Ms: quantile(this.#latencies, 0.5),
      p99Ms: quantile(this.#latencies, 0.99),
      maxMs: Math.max(...this.#latencies)
    }
  }
}
