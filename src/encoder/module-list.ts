import { EsplanadeError } from '../errors.ts'
import { ModelConfig } from './model-config.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { filesIn } from './model-layout.ts'

/** A module of a sentence-transformers model. */
export interface ModuleEntry {
  /** The name of its class: `SpladePooling`. */
  readonly kind: string
  /** The folder of its files; '' is the model's own. */
  readonly path: string
}

/** What a text is encoded for. */
export type Task = 'query' | 'document'

/** Folders of the model's own: a path that leads elsewhere is not followed. */
const SUBFOLDER = /^\w[\w.-]*(\/\w[\w.-]*)*$/

/**
 * The modules of `modules.json`, in order.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules that are not sentence-transformers' own, and
 * for files outside the model's folder
 */
export function readModules(entries: readonly unknown[], place: string): ModuleEntry[] {
  return entries.map(entry => {
    const { type, path } = (entry ?? {}) as Record<string, unknown>
    return moduleEntry(type, path, place)
  })
}

function moduleEntry(type: unknown, path: unknown, place: string): ModuleEntry {
  if (typeof type !== 'string' || !type.startsWith('sentence_transformers.')) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place,
      problem: `a module is of type ${JSON.stringify(type) ?? 'undefined'}`,
      expected: 'a module of sentence-transformers'
    })
  }
  if (path === '' || (typeof path === 'string' && SUBFOLDER.test(path))) {
    return { kind: type.slice(type.lastIndexOf('.') + 1), path }
  }
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place,
    problem: `a module is at ${JSON.stringify(path) ?? 'undefined'}`,
    expected: 'a folder of the model'
  })
}

/** The modules that a text runs through, a `Router` replaced by those of the task's route. */
export async function modulesFor(
  files: ModelFiles,
  modules: readonly ModuleEntry[],
  task: Task
): Promise<ModuleEntry[]> {
  const routed = modules.map(module =>
    module.kind === 'Router' || module.kind === 'Asym' ? readRoute(files, module, task) : [module]
  )
  return (await Promise.all(routed)).flat()
}

async function readRoute(
  files: ModelFiles,
  { path }: ModuleEntry,
  task: Task
): Promise<ModuleEntry[]> {
  const own = filesIn(files, path)
  const file = 'router_config.json'
  const config = new ModelConfig(await requiredFile(own, file), own.placeOf(file))
  const structure = config.section('structure')
  const types = config.section('types')
  const route = routeOf(config, structure, task)
  return structure.texts(route).map(id => {
    const module = moduleEntry(types.text(id), id, config.place)
    return { ...module, path: [path, module.path].filter(one => one !== '').join('/') }
  })
}

/**
 * As sentence-transformers chooses a route for a text: by what `route_mappings` say of the task and of
 * texts, keys being Python's spelling of a pair; else the route that has the task's name, or that of
 * texts.
 */
function routeOf(config: ModelConfig, structure: ModelConfig, task: Task): string {
  const parameters = config.has('parameters') ? config.section('parameters') : undefined
  if (parameters?.has('route_mappings')) {
    const mappings = parameters.section('route_mappings')
    const keys = [`('${task}', 'text')`, `('${task}', None)`, "(None, 'text')", '(None, None)']
    const key = keys.find(one => mappings.has(one))
    if (key !== undefined) return mappings.text(key)
  }
  const name = [task, 'text'].find(one => structure.has(one))
  if (name !== undefined) return name
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: config.place,
    problem: `there is no route for a ${task}`,
    expected: 'routes named query and document'
  })
}
