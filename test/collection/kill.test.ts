import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'esplanade'
import { afterAll, expect, it } from 'vitest'
import { checkCollection } from '../../src/node/check-collection.ts'
import { type KillMoment, runAndKill } from './kill/child.ts'
import { Ledger, type Operation } from './kill/ledger.ts'
import { searchProblems, storedDocuments } from './kill/oracle.ts'
import { randomNumbers } from './kill/random.mjs'

/** `KILLS=2000 npx vitest run test/collection/kill.test.ts` is the long run. */
const NUM_KILLS = Number(process.env.KILLS ?? 60)
/** A failure names its seed; `KILL_SEED=NUMBER` repeats its operations. */
const SEED = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 24))
/** A collection gets a successor after so many kills. */
const KILLS_PER_COLLECTION = 100

const folder = mkdtempSync(join(tmpdir(), 'esplanade-kill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How often each kind of operation was under way when the program was killed. */
const numStruck: Record<string, number> = {}

/** Kills a program at its work, then looks at what it left; gives what is wrong. */
async function killOnce(
  directory: string,
  seed: number,
  ledger: Ledger,
  moment: KillMoment
): Promise<string[]> {
  const problems: string[] = []
  const backups: { readonly to: string; readonly isWhole: boolean }[] = []
  await runAndKill(directory, seed, moment, line => {
    if (line.failed !== undefined) problems.push(`the program failed: ${line.failed}`)
    if (line.begin !== undefined) ledger.begin(line.begin, line)
    if (line.end === undefined) return
    const { operation, count } = ledger.end(line.end)
    const given = countOf(operation, line.result)
    if (given !== undefined && given !== count) {
      problems.push(`${operation.kind} counted ${given} documents instead of ${count}`)
    }
    if (operation.kind === 'backup') problems.push(...(existsSync(operation.to) ? [] : ['no copy']))
    if (operation.kind === 'backup') backups.push({ to: operation.to, isWhole: true })
  })
  for (const operation of ledger.underWay()) {
    numStruck[operation.kind] = (numStruck[operation.kind] ?? 0) + 1
    if (operation.kind === 'backup') backups.push({ to: operation.to, isWhole: false })
  }
  problems.push(...(await inspect(directory, seed, ledger)))
  const { findings } = await checkCollection(directory)
  for (const { severity, problem } of findings) if (severity === 'error') problems.push(problem)
  // What was written after a copy is not in it, so only the copy that was under way is compared.
  for (const { to, isWhole } of backups) {
    if (existsSync(to)) problems.push(...(await inspectCopy(to, isWhole ? undefined : ledger)))
  }
  for (const name of readdirSync(folder)) {
    if (name.includes('.backup-')) rmSync(join(folder, name), { recursive: true })
  }
  return problems
}

/** Opens the collection without any help, as the next program would. */
async function inspect(directory: string, seed: number, ledger: Ledger): Promise<string[]> {
  await using collection = await open(directory, { model: null })
  const stored = await storedDocuments(collection)
  const { numDocuments } = await collection.stats()
  const isCounted = numDocuments === stored.length
  return [
    ...(isCounted ? [] : [`${numDocuments} documents are counted, ${stored.length} are there`]),
    ...ledger.settle(stored),
    ...(await searchProblems(collection, stored, randomNumbers(seed)))
  ]
}

async function inspectCopy(to: string, ledger: Ledger | undefined): Promise<string[]> {
  await using copy = await open(to, { readOnly: true })
  const stored = await storedDocuments(copy)
  return [
    ...(await searchProblems(copy, stored, randomNumbers(1))),
    ...(ledger?.differences(stored) ?? [])
  ]
}

function countOf(operation: Operation, result: unknown): number | undefined {
  if (operation.kind === 'upsert') return (result as { numWritten: number }).numWritten
  return operation.kind.startsWith('delete') ? (result as number) : undefined
}

const KINDS = ['compact', 'flush', 'backup', 'reopen', 'deleteWhere', 'upsert', 'settle'] as const

function randomMoment(random: () => number): KillMoment {
  const which = random()
  if (which < 0.25) return { afterMs: random() * 150 }
  if (which < 0.45) return { afterEnds: Math.floor(random() * 12) }
  const kind = KINDS[Math.floor(random() * KINDS.length)]!
  return { kind, afterMs: random() * 12 }
}

it(
  `nothing that was acknowledged is lost by ${NUM_KILLS} kills`,
  async () => {
    let ledger = new Ledger()
    for (let i = 0; i < NUM_KILLS; i++) {
      const seed = SEED + i
      const number = Math.floor(i / KILLS_PER_COLLECTION)
      if (i % KILLS_PER_COLLECTION === 0) ledger = new Ledger()
      const directory = join(folder, `collection ${number}`)
      const moment = randomMoment(randomNumbers(seed))
      const problems = await killOnce(directory, seed, ledger, moment)
      const context = `kill ${i} (KILL_SEED=${SEED}), ${JSON.stringify(moment)}`
      expect(problems, context).toEqual([])
    }
    console.log(`killed during: ${JSON.stringify(numStruck)}`)
  },
  NUM_KILLS * 5000
)

it('a collection that was being made when its process died is made by the next one', async () => {
  const random = randomNumbers(SEED)
  for (let i = 0; i < Math.ceil(NUM_KILLS / 10); i++) {
    const directory = join(folder, `new ${i}`)
    const problems = await killOnce(directory, SEED + i, new Ledger(), { afterMs: random() * 40 })
    expect(problems, `KILL_SEED=${SEED}`).toEqual([])
  }
})
