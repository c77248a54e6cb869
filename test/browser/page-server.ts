import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { root } from '../house/repository.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm'
}

/** What a page must come with for threads to share memory. */
const ISOLATING = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp'
}

/**
 * The server of an application: a page for each program, the models, and the files of ONNX Runtime.
 *
 * - `/NAME/` and `/isolated/NAME/`: the page of a program; the latter is cross-origin isolated.
 * - `/NAME/FILE.js`: the files of the program.
 * - `/models/`, `/ort/`: as they are in the repository and in `onnxruntime-web`. The latter's scripts of
 *   threads are as isolated as the pages that start them.
 * - `/app/`: what a server of one-page applications sends for all that it does not have.
 */
export class PageServer {
  readonly #server: Server
  readonly #programs: ReadonlyMap<string, ReadonlyMap<string, string>>

  private constructor(programs: ReadonlyMap<string, ReadonlyMap<string, string>>) {
    this.#programs = programs
    this.#server = createServer(({ url = '/' }, response) => {
      const { pathname } = new URL(url, 'http://localhost')
      const isolated = pathname.startsWith('/isolated/')
      const path = isolated ? pathname.slice('/isolated'.length) : pathname
      const headers = isolated || path.startsWith('/ort/') ? ISOLATING : {}
      const [, first = '', ...rest] = path.split('/')
      const file = fileOf(first, rest.join('/'))
      if (file !== undefined && existsSync(file)) {
        const type = TYPES[extname(file)] ?? 'application/octet-stream'
        const { size } = statSync(file)
        response.writeHead(200, { ...headers, 'content-type': type, 'content-length': size })
        createReadStream(file).pipe(response)
        return
      }
      const content = first === 'app' ? PAGE : this.#page(first, rest.join('/'))
      const type = content?.startsWith('<') ? 'text/html' : 'text/javascript'
      response.writeHead(content === undefined ? 404 : 200, { ...headers, 'content-type': type })
      response.end(content)
    })
  }

  /** Serves programs, each as files by name, with `main.js`, on a free port of this machine. */
  static async start(
    programs: ReadonlyMap<string, ReadonlyMap<string, string>>
  ): Promise<PageServer> {
    const server = new PageServer(programs)
    await new Promise<void>(resolve => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** `http://127.0.0.1:PORT`. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #page(program: string, file: string): string | undefined {
    const files = this.#programs.get(program)
    return file === '' && files !== undefined ? PAGE : files?.get(file)
  }
}

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">' +
  '<body><script type="module" src="main.js"></script>'

function fileOf(folder: string, file: string): string | undefined {
  if (file === '' || file.includes('..')) return undefined
  if (folder === 'models') return join(root, 'models', file)
  if (folder === 'ort') return join(root, 'node_modules/onnxruntime-web/dist', file)
  return undefined
}
