import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const entry = (name: string) => fileURLToPath(new URL(`./src/entry/${name}.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^esplanade$/, replacement: entry('index') },
      {
        find: /^esplanade\/(.*)$/,
        replacement: `${fileURLToPath(new URL('./src/entry/', import.meta.url))}$1.ts`
      }
    ]
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2
  }
})
