import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import ts from 'typescript'
import { runProgram } from '../run-program.ts'
import { sharedPath } from '../shared.ts'
import { root } from './repository.ts'

/** What a block did when it ran. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * A project of somebody who has installed Esplanade, in a folder of its own: `esplanade` is the built
 * package, as a program and as a command. The models of a clone lie in `models`.
 */
export class DocWorkshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'esplanade-docs-'))
  readonly project: string = join(this.#folder, 'project')

  constructor() {
    mkdirSync(join(this.project, 'node_modules', '.bin'), { recursive: true })
    this.write('package.json', '{ "type": "module" }')
    symlinkSync(root, join(this.project, 'node_modules', 'esplanade'), 'junction')
    symlinkSync(join(root, 'models'), join(this.project, 'models'), 'junction')
    const shared = sharedPath('.')
    if (shared !== undefined) symlinkSync(shared, join(this.#folder, 'shared'), 'junction')
    this.#command('esplanade', `exec "${process.execPath}" "${root}/dist/cli/main.js" "$@"`)
    this.#command('npx', 'exec "$@"')
  }

  /** Writes a file of the project. */
  write(file: string, content: string): void {
    mkdirSync(dirname(join(this.project, file)), { recursive: true })
    writeFileSync(join(this.project, file), content)
  }

  /** Runs a program, which is TypeScript; Node of this age reads JavaScript only. */
  runModule(file: string, source: string): Outcome {
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
    })
    this.write(file, outputText)
    return runProgram(process.execPath, [file], { cwd: this.project })
  }

  /** Runs lines of a shell, up to the first that fails. */
  runShell(lines: string): Outcome {
    const bin = join(this.project, 'node_modules', '.bin')
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    return runProgram('sh', ['-e', '-c', lines], { cwd: this.project, env })
  }

  /** What the compiler says about the TypeScript files of the project, one line each. */
  typeErrors(files: readonly string[]): string[] {
    const program = ts.createProgram(
      files.map(file => join(this.project, file)),
      {
        noEmit: true,
        strict: true,
        skipLibCheck: true,
        target: ts.ScriptTarget.ES2023,
        lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
        module: ts.ModuleKind.NodeNext,
        types: ['node'],
        typeRoots: [join(root, 'node_modules', '@types')]
      }
    )
    return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
      const text = ts.flattenDiagnosticMessageText(messageText, '\n')
      return `${file?.fileName.split('/').pop()}:${line}: ${text}`
    })
  }

  /** Removes all of it. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #command(name: string, line: string): void {
    const path = join(this.project, 'node_modules', '.bin', name)
    writeFileSync(path, `#!/bin/sh\n${line}\n`)
    chmodSync(path, 0o755)
  }
}
