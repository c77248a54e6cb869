import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { read, root } from '../house/repository.ts'

/**
 * Chromium for tests. On Linux it comes with the package `@sparticuz/chromium`, which needs no
 * download and brings the libraries that bare systems lack; elsewhere `CHROMIUM` names the program.
 */

/** Why there is none to try, or undefined where there is. That it then does not start is a failure. */
export const noChromium: string | undefined =
  process.env.CHROMIUM !== undefined || (process.platform === 'linux' && process.arch === 'x64')
    ? undefined
    : `no Chromium for ${process.platform} ${process.arch}: name its program in CHROMIUM`

/** Starts the browser. */
export async function launchChromium(): Promise<Browser> {
  const own = process.env.CHROMIUM
  // Tests run as root in containers, where Chromium has no sandbox; its pages are ours.
  const args = ['--no-sandbox']
  if (own !== undefined) return chromium.launch({ executablePath: own, args })
  const folder = await unpacked()
  const executablePath = join(folder, 'chromium')
  try {
    return await chromium.launch({ executablePath, args })
  } catch (error) {
    if (!String(error).includes('error while loading shared libraries')) throw error
    const env = { ...process.env, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') }
    return chromium.launch({ executablePath, args, env: env as Record<string, string> })
  }
}

/**
 * The folder of the unpacked browser, 200 MB, kept from run to run. The package unpacks into the
 * folder for temporary files, where two at once would meet a program that is not whole: it gets one
 * of its own, which is then put in its place.
 */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(read('node_modules/@sparticuz/chromium/package.json'))
  const cache = join(root, 'node_modules/.cache')
  const folder = join(cache, `chromium-${version}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const temporary = mkdtempSync(join(cache, 'chromium-unpacking-'))
  const { TMPDIR, AWS_LAMBDA_JS_RUNTIME, LD_LIBRARY_PATH } = process.env
  process.env.TMPDIR = temporary
  // So that it unpacks its libraries, too.
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs20.x'
  try {
    const { default: packed } = await import('@sparticuz/chromium')
    await packed.executablePath()
    renameSync(temporary, folder)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    // Another process was first.
    if (!existsSync(folder)) throw error
  } finally {
    restore({ TMPDIR, AWS_LAMBDA_JS_RUNTIME, LD_LIBRARY_PATH })
  }
  return folder
}

function restore(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}
