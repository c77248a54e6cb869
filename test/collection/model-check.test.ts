import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import * as any from './model-arbitrary.ts'
import { ModelRun, makeSegmentsHere } from './model-run.ts'

/**
 * A collection gives what a list of documents in memory gives, compared one after the other: the same
 * keys, order and scores, bit for bit, whatever is flushed, merged, written and reopened beside it.
 * `COLLECTION_RUNS` asks for more runs, `COLLECTION_SEED` for those of a failure. What goes on at
 * once is not in the same order every time, so a failure may need several runs to come back.
 */
const NUM_RUNS = Number(process.env.COLLECTION_RUNS ?? 300)
const SEED =
  process.env.COLLECTION_SEED === undefined ? undefined : Number(process.env.COLLECTION_SEED)

/** A run of the real workers takes longer than ten others, for they are started anew. */
const TIMEOUT_MS = 60_000 + NUM_RUNS * 2000
const NUM_THREAD_RUNS = Math.ceil(NUM_RUNS / 50)
const MAX_COMMANDS = 80
const NUM_LANES = 8
/** Time to make a failing run smaller. */
const SHRINK_MS = 20_000

type Command = fc.AsyncCommand<object, ModelRun>

/** How often each command was run. */
const numRuns = new Map<string, number>()

function command(name: string, run: (real: ModelRun) => Promise<void>, shown: unknown): Command {
  return {
    check: () => true,
    run: async (_, real) => {
      numRuns.set(name, (numRuns.get(name) ?? 0) + 1)
      await run(real)
      await real.sweep()
    },
    toString: () => `${name}(${fc.stringify(shown)})`
  }
}

const isAwaited = fc.boolean()
/** Which snapshot is read; the collection where there are not so many. */
const where = fc.nat(3)

const COMMANDS: fc.Arbitrary<Command>[] = [
  ...repeated(8, fc.tuple(any.documents, isAwaited)).map(args =>
    args.map(([documents, wait]) =>
      command('upsert', real => real.step(real.upsert(documents), wait), [documents, wait])
    )
  ),
  fc
    .tuple(any.burst, isAwaited)
    .map(([documents, wait]) =>
      command('upsertEach', real => real.step(real.upsertEach(documents), wait), [documents, wait])
    ),
  fc
    .tuple(any.namespace, any.keys, isAwaited)
    .map(([space, keys, wait]) =>
      command('delete', real => real.step(real.delete(space, keys), wait), [space, keys, wait])
    ),
  fc
    .tuple(any.namespace, any.filter, isAwaited)
    .map(([space, filter, wait]) =>
      command('deleteWhere', real => real.step(real.deleteWhere(space, filter), wait), [
        space,
        filter,
        wait
      ])
    ),
  ...repeated(5, fc.tuple(any.question, where, isAwaited)).map(args =>
    args.map(([question, at, wait]) =>
      command('search', real => real.step(real.search(question, at), wait), [question, at, wait])
    )
  ),
  fc
    .tuple(any.namespace, any.key, where)
    .map(([space, key, at]) =>
      command('get', real => real.step(real.get(space, key, at), true), [space, key, at])
    ),
  fc
    .tuple(any.namespace, any.prefix, fc.integer({ min: 1, max: 4 }), where)
    .map(args => command('list', real => real.step(real.list(...args), true), args)),
  where.map(at => command('stats', real => real.step(real.stats(at), true), at)),
  ...repeated(2, fc.constant(command('takeSnapshot', real => real.takeSnapshot(), []))),
  where.map(at => command('closeSnapshot', real => real.closeSnapshot(at), at)),
  ...(['flush', 'compact', 'settle'] as const).map(task =>
    isAwaited.map(wait => command(task, real => real.step(real.maintain(task), wait), wait))
  ),
  any.documents.map(documents => command('reopen', real => real.reopen(documents), documents))
]

function repeated<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T>[] {
  return Array.from({ length: times }, () => arbitrary)
}

const options = fc.record({
  metric: fc.constantFrom('dot', 'cosine'),
  durability: fc.constantFrom('group', 'sync'),
  lexical: fc.boolean()
} as const)

let failedAt = Number.POSITIVE_INFINITY

function property() {
  const commands = fc.commands(COMMANDS, { maxCommands: MAX_COMMANDS, size: 'max' })
  return fc.asyncProperty(options, commands, async (runOptions, steps) => {
    if (performance.now() - failedAt > SHRINK_MS) return
    const real = new ModelRun(runOptions)
    try {
      await real.open()
      await fc.asyncModelRun(() => ({ model: {}, real }), steps)
      await real.finish()
    } catch (error) {
      failedAt = Math.min(failedAt, performance.now())
      throw error
    } finally {
      await real.close()
    }
  })
}

describe('a collection is a list of documents', () => {
  /** Several at once, for a run waits more than it works; seeds follow each other. */
  async function checkRuns(numRuns: number): Promise<void> {
    const lanes = Array.from({ length: Math.min(NUM_LANES, numRuns) }, (_, i) => {
      const parameters = SEED === undefined ? {} : { seed: SEED + i }
      return fc.assert(property(), { ...parameters, numRuns: Math.ceil(numRuns / NUM_LANES) })
    })
    // None goes on behind the test.
    await Promise.allSettled(lanes)
    await Promise.all(lanes)
  }

  it(`in ${NUM_RUNS} runs of random steps`, { timeout: TIMEOUT_MS }, async () => {
    const restore = makeSegmentsHere()
    await checkRuns(NUM_RUNS).finally(restore)
  })

  it(`in ${NUM_THREAD_RUNS} runs with the threads`, { timeout: TIMEOUT_MS }, async () => {
    await checkRuns(NUM_THREAD_RUNS)
  })

  afterAll(() => {
    if (NUM_RUNS < 100) return
    expect(Math.min(...numRuns.values())).toBeGreaterThan(NUM_RUNS / 10)
  })
})
