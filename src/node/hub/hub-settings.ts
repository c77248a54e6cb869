import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { HubOptions } from '../../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../../errors.ts'

/** A token, and where it comes from, for messages; they never show the token itself. */
export interface HubToken {
  readonly value: string
  readonly from: string
}

/** Options and environment together: how the hub is reached and where its files are kept. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly cacheDir: string
  readonly isOffline: boolean
  /** Reads the token when a connection is opened, and not before. */
  readonly token: () => HubToken | undefined
  /** Whether snapshots may be links; else they are copies. */
  readonly useLinks: boolean
  /** A server that is silent for so long has gone away. */
  readonly silenceMs: number
  /** How long is waited after a first failure; twice as long after each that follows. */
  readonly firstWaitMs: number
  readonly signal: AbortSignal | undefined
  readonly onDownload: HubOptions['onDownload']
}

type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_ENDPOINT = 'https://huggingface.co'
const DEFAULT_SILENCE_S = 30
const FIRST_WAIT_MS = 500

/**
 * What the options say, else the environment by the names that Python's `huggingface_hub` reads, so
 * that a machine is set up once.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for an endpoint that is no URL
 */
export function hubSettings(
  options: HubOptions = {},
  environment: Environment = process.env
): HubSettings {
  const variable = (name: string) => environment[name]?.trim() || undefined
  const home = expandUser(
    variable('HF_HOME') ?? join(variable('XDG_CACHE_HOME') ?? '~/.cache', 'huggingface')
  )
  const cacheDir =
    variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub')
  const isOffline = isTrue(variable('HF_HUB_OFFLINE') ?? variable('TRANSFORMERS_OFFLINE'))
  const silenceS = Number(variable('HF_HUB_DOWNLOAD_TIMEOUT') ?? DEFAULT_SILENCE_S)
  return {
    endpoint: checkedEndpoint(options.endpoint ?? variable('HF_ENDPOINT') ?? DEFAULT_ENDPOINT),
    cacheDir: resolve(options.cacheDir ?? expandUser(cacheDir)),
    isOffline: options.localFilesOnly ?? isOffline,
    token: () => tokenOf(options.token, variable, home),
    useLinks: !isTrue(variable('HF_HUB_DISABLE_SYMLINKS')),
    silenceMs: (silenceS > 0 ? silenceS : DEFAULT_SILENCE_S) * 1000,
    firstWaitMs: FIRST_WAIT_MS,
    signal: options.signal,
    onDownload: options.onDownload
  }
}

function tokenOf(
  option: string | undefined,
  variable: (name: string) => string | undefined,
  home: string
): HubToken | undefined {
  if (option !== undefined) return clean(option, 'the option token')
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = variable(name)
    if (value !== undefined) return clean(value, name)
  }
  const file = expandUser(variable('HF_TOKEN_PATH') ?? join(home, 'token'))
  try {
    return clean(readFileSync(file, 'utf8'), file)
  } catch {
    // Nobody has logged in here.
    return undefined
  }
}

/** Line ends come with files and with copying; anything else that no header can hold is refused. */
function clean(token: string, from: string): HubToken | undefined {
  const value = token.trim()
  if (value === '') return undefined
  if (/^[\x21-\x7e]+$/.test(value)) return { value, from }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: from,
    problem: 'this is no token: it holds characters that none has',
    expected: 'a token such as hf_…, from the settings of your account on the hub'
  })
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return endpoint.replace(/\/+$/, '')
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'HF_ENDPOINT, or the option endpoint',
    problem: `"${endpoint}" is no address of a hub`,
    expected: `a URL such as ${DEFAULT_ENDPOINT}`
  })
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(1|on|yes|true)$/i.test(value)
}

function expandUser(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
