import { Command } from 'commander'
import { EsplanadeError } from 'esplanade'
import {
  type LocalModel,
  listModels,
  pullModel,
  removeModel,
  SHIPPED_MODELS,
  type VerifiedModel,
  verifyModel
} from 'esplanade/encoder'
import { padEnd } from '../display-width.ts'
import { EXIT_FAILED } from '../exit-codes.ts'
import { interruptible } from '../interrupt.ts'
import { loadOptions, type ModelFlags, revisionOption } from '../model-options.ts'
import { counted, readableBytes } from '../readable.ts'

interface ModelsFlags extends Pick<ModelFlags, 'revision'> {
  readonly json?: boolean
}

const HELP = `
Models of the hub are kept where Python's huggingface_hub keeps them, and each
uses what the other has fetched: HF_HUB_CACHE, else hub/ in HF_HOME, else
~/.cache/huggingface/hub. HF_TOKEN opens private and gated models, HF_ENDPOINT
names another hub, HF_HUB_OFFLINE=1 asks none.`

/** `models`: what is on this machine, and what the hub has. */
export function modelsCommand(): Command {
  const command = new Command('models')
    .description('List, fetch, check and remove models.')
    .addHelpText('after', HELP)
  const json = 'one JSON object a model'
  command
    .command('list')
    .description('Show the models that are on this machine.')
    .option('--json', json)
    .action(list)
  command
    .command('pull')
    .description('Fetch a model from the hub, or what is missing or damaged of it.')
    .argument('<name>', 'org/name')
    .addOption(revisionOption())
    .option('--json', json)
    .action(pull)
  command
    .command('remove')
    .description('Remove a model from the cache.')
    .argument('<name>', 'org/name')
    .option('--revision <revision>', 'only this branch, tag or commit (default: all of the model)')
    .option('--json', json)
    .action(remove)
  command
    .command('verify')
    .description('Compare models in the cache with the checksums of the hub.')
    .argument('[name...]', 'org/name (default: all)')
    .option('--revision <revision>', 'only this branch, tag or commit (default: all)')
    .option('--json', json)
    .addHelpText('after', '\nExit code 1 where a file is damaged; models pull repairs it.')
    .action(verify)
  command
    .command('path')
    .description('Print the folder of a model that is on this machine.')
    .argument('<name>', 'org/name, or a shipped model')
    .addOption(revisionOption())
    .action(path)
  return command
}

async function list({ json }: ModelsFlags): Promise<void> {
  const models = await listModels()
  if (json) return printJson(models)
  const rows = models.map(model => [
    model.name,
    readableBytes(model.bytes),
    model.origin === 'shipped' ? 'shipped' : [shortOf(model.revision), ...model.refs].join(' '),
    model.path
  ])
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => row[column]!.length)))
  for (const row of rows) {
    const cells = row.map((cell, column) => padEnd(cell, widths[column] ?? 0))
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

async function pull(name: string, flags: ModelsFlags): Promise<void> {
  const model = await interruptible(signal => pullModel(name, loadOptions(flags, signal)))
  if (flags.json) return printJson([model])
  const { numFetched, numFiles, bytes, revision } = model
  process.stderr.write(
    `${name}@${shortOf(revision)}: ${counted(numFiles, 'file')}, ${readableBytes(bytes)}; ` +
      `${numFetched === 0 ? 'all were there' : `${numFetched} fetched`}\n`
  )
  process.stdout.write(`${model.path}\n`)
}

async function remove(name: string, { revision, json }: ModelsFlags): Promise<void> {
  const removed = await removeModel(name, { ...(revision !== undefined && { revision }) })
  if (json) return printJson([removed])
  const revisions = removed.revisions.map(shortOf).join(', ')
  process.stdout.write(
    `removed ${name} (${revisions}): ${readableBytes(removed.bytesFreed)} freed\n`
  )
}

async function verify(names: string[], { revision, json }: ModelsFlags): Promise<void> {
  const cached = (await listModels()).filter(({ origin }) => origin === 'hub')
  const wanted = names.length > 0 ? names : [...new Set(cached.map(({ name }) => name))]
  const options = { ...(revision !== undefined && { revision }) }
  let isDamaged = false
  for (const name of wanted) {
    for (const found of await verifyModel(name, options)) {
      isDamaged ||= found.damaged.length > 0
      if (json) printJson([found])
      else process.stdout.write(verdictOf(found))
    }
  }
  if (wanted.length === 0 && !json) process.stderr.write('the cache holds no models\n')
  if (isDamaged) process.exitCode = EXIT_FAILED
}

function verdictOf(found: VerifiedModel): string {
  const { name, revision, numFiles, bytes, damaged, unchecked } = found
  const model = `${name}@${shortOf(revision)}`
  const about = `${counted(numFiles, 'file')}, ${readableBytes(bytes)}`
  const lines = [
    ...damaged.map(file => `damaged: ${file}`),
    ...unchecked.map(file => `not checked, the cache has no checksum: ${file}`)
  ].map(line => `  ${line}\n`)
  const verdict =
    damaged.length === 0
      ? `${about}, as the hub lists them`
      : `${about}; fetch what is damaged: esplanade models pull ${name} --revision ${revision}`
  return `${model}: ${verdict}\n${lines.join('')}`
}

async function path(name: string, { revision }: ModelsFlags): Promise<void> {
  const models = (await listModels()).filter(model => model.name === name)
  const [only] = models
  const isWanted = (model: LocalModel) =>
    model.revision === revision || model.refs.includes(revision ?? 'main')
  const found =
    models.find(isWanted) ?? (revision === undefined && models.length === 1 ? only : undefined)
  if (found === undefined) throw notHere(name, revision)
  process.stdout.write(`${found.path}\n`)
}

function notHere(name: string, revision: string | undefined): EsplanadeError {
  return new EsplanadeError('MODEL_NOT_FOUND', {
    place: revision === undefined ? name : `${name} at ${revision}`,
    problem: 'the model is not on this machine',
    expected: `${SHIPPED_MODELS.join(', ')}, or org/name of a model in the cache`,
    remedy: `See what is here: esplanade models list. Fetch it: esplanade models pull ${name}`
  })
}

/** As much of a commit as tells it from others. */
function shortOf(revision: string | undefined): string {
  return revision?.slice(0, 8) ?? ''
}

function printJson(objects: readonly object[]): void {
  for (const object of objects) process.stdout.write(`${JSON.stringify(object)}\n`)
}
