import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: ['src/entry/*.ts', 'src/cli/main.ts', 'src/node/*-worker.ts'],
  root: 'src',
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  dts: { oxc: true },
  // `AsyncDisposable` is in no target's own library yet.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
  fixedExtension: false,
  // The command line is a user of the library: it resolves `esplanade/...` through `exports`. What
  // `#...` is, `imports` says on the user's platform.
  deps: { neverBundle: [/^esplanade(\/|$)/, /^node:/, /^#/] },
  logLevel: 'warn'
})
