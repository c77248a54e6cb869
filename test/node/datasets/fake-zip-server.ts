import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Fault, send } from '../hub/fake-hub.ts'

/**
 * A server of zip files on this machine. It sends those who ask for one elsewhere first, as many
 * mirrors do, and knows ranges.
 */
export class FakeZipServer {
  readonly files = new Map<string, Uint8Array>()
  /** The ranges of the requests for contents; undefined: all was asked for. */
  readonly ranges: (string | undefined)[] = []
  /** What goes wrong with the next requests for contents, one after the other. */
  readonly faults: (Fault | undefined)[] = []
  /** What goes wrong with all of them. */
  fault: Fault | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const [, folder, file = ''] = request.url!.split('/')
      const bytes = this.files.get(file)
      if (bytes === undefined) return response.writeHead(404).end('no such file')
      if (folder === 'sets') return response.writeHead(302, { location: `/held/${file}` }).end()
      this.ranges.push(request.headers.range)
      const fault = this.faults.shift() ?? this.fault
      if (fault?.status !== undefined) return response.writeHead(fault.status).end()
      return send(response, Buffer.from(bytes), { request, fault, etag: md5(bytes) })
    })
  }

  static async start(): Promise<FakeZipServer> {
    const server = new FakeZipServer()
    await new Promise<void>(resolve => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  /** The address of its folder. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/sets`
  }

  reset(): void {
    this.files.clear()
    this.ranges.length = 0
    this.faults.length = 0
    this.fault = undefined
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

export function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}
