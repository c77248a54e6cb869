import { availableParallelism, freemem, totalmem } from 'node:os'
import { Command } from 'commander'
import { EsplanadeError, similarity } from 'esplanade'
import { runtimeVersion, SparseEncoder } from 'esplanade/encoder'
import { EXIT_FAILED } from '../exit-codes.ts'
import {
  loadOptions,
  type ModelFlags,
  poolingOption,
  precisionOption,
  revisionOption
} from '../model-options.ts'
import { packageVersion } from '../package-version.ts'
import { readableBytes } from '../readable.ts'

/** One thing that was looked at. */
interface Check {
  readonly name: string
  readonly ok: boolean
  readonly found: string
}

const MIN_NODE = [20, 19] as const

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check that this machine can encode and search.')
    .option('--model <model>', 'name or folder of the model, or org/name on the hub', 'splade-tiny')
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(precisionOption())
    .option('--json', 'one JSON object a check')
    .action(doctor)
}

interface DoctorFlags extends ModelFlags {
  readonly model: string
  readonly json?: boolean
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const checks = [...machine(), ...(await selfTest(flags))]
  for (const { name, ok, found } of checks) {
    process.stdout.write(
      flags.json
        ? `${JSON.stringify({ name, ok, found })}\n`
        : `${ok ? '✔' : '✘'} ${name.padEnd(12)} ${found}\n`
    )
  }
  if (checks.some(({ ok }) => !ok)) process.exitCode = EXIT_FAILED
}

function machine(): Check[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNew = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
  return [
    { name: 'esplanade', ok: true, found: packageVersion() },
    {
      name: 'node',
      ok: isNew,
      found: `${process.versions.node} on ${process.platform} ${process.arch}${isNew ? '' : `; ${MIN_NODE.join('.')} or newer is needed`}`
    },
    {
      name: 'machine',
      ok: true,
      found: `${availableParallelism()} threads, ${readableBytes(freemem())} of ${readableBytes(totalmem())} free`
    }
  ]
}

/** Two texts that say the same in other words must be nearer than two that do not. */
const SELF_TEST = [
  'a doctor treats patients',
  'a physician heals the sick',
  'rain fell on the hills'
]

async function selfTest(flags: DoctorFlags): Promise<Check[]> {
  const checks: Check[] = []
  try {
    checks.push({ name: 'runtime', ok: true, found: `ONNX Runtime ${await runtimeVersion()}` })
    const started = performance.now()
    await using encoder = await SparseEncoder.load(flags.model, loadOptions(flags))
    const loadMs = performance.now() - started
    checks.push({
      name: 'model',
      ok: true,
      found: `${encoder.name}, ${encoder.vocabulary.size.toLocaleString('en')} terms, loaded in ${Math.round(loadMs)} ms`
    })
    const [first, same, other] = await encoder.encodeDocument(SELF_TEST)
    await encoder.encodeQuery(SELF_TEST[0]!)
    const queryMs = await medianMs(() => encoder.encodeQuery(SELF_TEST[0]!))
    const near = similarity(first!, same!, 'cosine')
    const far = similarity(first!, other!, 'cosine')
    checks.push({
      name: 'self-test',
      ok: near > far,
      found: `cosine ${near.toFixed(3)} for the same in other words, ${far.toFixed(3)} for something else; a query takes ${queryMs.toFixed(1)} ms`
    })
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    const name = error.code.startsWith('RUNTIME') ? 'runtime' : 'model'
    checks.push({ name, ok: false, found: `${error.message} [${error.code}]` })
  }
  return checks
}

async function medianMs(task: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 21; i++) {
    const started = performance.now()
    await task()
    times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)[10]!
}
