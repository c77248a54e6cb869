import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  MAX_PICKLE_BYTES,
  PickleGlobal,
  type PickleValue,
  unpickle
} from '../../src/encoder/pickle.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { type Code, global, int, NONE, program, REDUCE, STOP, text, tuple } from './torch-file.ts'

const globals = new Map([
  ['m pair', new PickleGlobal('m pair', args => (args.length === 2 ? [...args] : undefined))],
  ['m value', new PickleGlobal('m value')]
])

function run(...code: readonly Code[]): PickleValue {
  return unpickle(program(...code), 'x', { globals, persistent: () => undefined })
}

function errorOf(action: () => unknown): EsplanadeError {
  try {
    action()
  } catch (error) {
    if (error instanceof EsplanadeError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a program', () => {
  it('makes plain values', () => {
    expect(run(0x80, 2, NONE, STOP)).toBe(null)
    expect(run(0x88, STOP)).toBe(true)
    expect(run(0x89, STOP)).toBe(false)
    expect(run(int(-2), STOP)).toBe(-2)
    expect(run(0x4b, 255, STOP)).toBe(255)
    expect(run(0x4d, 1, 2, STOP)).toBe(513)
    expect(run(text('naïve 名'), STOP)).toBe('naïve 名')
    expect(run(text('\uFEFFx'), STOP)).toBe('\uFEFFx')
  })

  it('makes tuples of any length', () => {
    expect(run(0x29, STOP)).toEqual([])
    expect(run(0x4b, 1, 0x85, STOP)).toEqual([1])
    expect(run(0x4b, 1, 0x4b, 2, 0x86, STOP)).toEqual([1, 2])
    expect(run(0x4b, 1, 0x4b, 2, 0x4b, 3, 0x87, STOP)).toEqual([1, 2, 3])
    expect(run(tuple(int(1), tuple(), text('a'), int(4)), STOP)).toEqual([1, [], 'a', 4])
  })

  it('fills dictionaries one by one and at once; the last value of a key stays', () => {
    const both = run(
      0x7d,
      text('a'),
      int(1),
      0x73,
      0x28,
      text('b'),
      int(2),
      text('a'),
      int(3),
      0x75,
      STOP
    )
    expect(both).toEqual(
      new Map([
        ['a', 3],
        ['b', 2]
      ])
    )
    expect(run(0x7d, text('__proto__'), int(1), 0x73, STOP)).toEqual(new Map([['__proto__', 1]]))
    expect(({} as Record<string, unknown>).a).toBeUndefined()
  })

  it('drops the attributes of a dictionary', () => {
    expect(run(0x7d, 0x7d, text('_metadata'), int(1), 0x73, 0x62, STOP)).toEqual(new Map())
  })

  it('keeps values and takes them again', () => {
    expect(run(int(7), 0x71, 5, 0x68, 5, 0x86, STOP)).toEqual([7, 7])
    expect(run(int(7), 0x72, 0, 1, 0, 9, 0x6a, 0, 1, 0, 9, 0x86, STOP)).toEqual([7, 7])
    // A dictionary may hold itself; nothing here follows it down.
    const self = run(0x7d, 0x71, 0, text('self'), 0x68, 0, 0x73, STOP) as Map<string, unknown>
    expect(self.get('self')).toBe(self)
  })

  it('calls what the table has', () => {
    expect(run(global('m pair'), tuple(int(1), int(2)), REDUCE, STOP)).toEqual([1, 2])
  })
})

describe('what is refused by name', () => {
  const names = [
    'os system',
    'posix system',
    'nt system',
    'builtins eval',
    '__builtin__ exec',
    'subprocess Popen',
    'runpy _run_code',
    'webbrowser open',
    'torch load',
    'torch.hub load',
    'torch._utils __class__',
    'numpy.core.multiarray _reconstruct',
    'globalThis process',
    'm constructor',
    'm __proto__',
    'constructor constructor',
    'm pair ',
    ' m pair'
  ]
  it.each(names)('the global %s', name => {
    const error = errorOf(() => run(0x80, 2, global(name), tuple(text('touch x')), REDUCE, STOP))
    expect(error.code).toBe('MODEL_UNSUPPORTED')
    expect(error.problem).toBe(
      `the global ${JSON.stringify(name)} at byte 2 of the pickle is not read`
    )
    expect(error.remedy).toContain('safetensors')
  })

  it('every opcode but the 25 that tensors need', () => {
    const listed =
      'PROTO MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 BINUNICODE EMPTY_TUPLE TUPLE1 TUPLE2 ' +
      'TUPLE3 TUPLE EMPTY_DICT SETITEM SETITEMS BINPUT LONG_BINPUT BINGET LONG_BINGET GLOBAL REDUCE ' +
      'BINPERSID BUILD'
    const refused: string[] = []
    for (let opcode = 0; opcode < 256; opcode++) {
      const error = errorOf(() => run(opcode))
      if (error.code !== 'MODEL_UNSUPPORTED' || opcode === 0x80) continue
      refused.push(/the opcode (\S+) at byte 0/.exec(error.problem)![1]!)
    }
    // STOP, the one left, is the end of the loop and no step of it.
    expect(refused).toHaveLength(256 - listed.split(' ').length - 1)
    // Every opcode that Python knows has its name in the message.
    const known = JSON.parse(
      readFileSync(new URL('../golden/weights/opcodes.json', import.meta.url), 'utf8')
    ) as Record<string, string>
    for (const [code, name] of Object.entries(known)) {
      if (listed.split(' ').includes(name) || name === 'STOP') continue
      expect(errorOf(() => run(Number(code))).problem).toContain(`the opcode ${name} at byte 0`)
    }
  })

  it('other protocols', () => {
    for (const protocol of [0, 1, 3, 4, 5, 255]) {
      const error = errorOf(() => run(0x80, protocol, NONE, STOP))
      expect(error.message).toContain(`pickle protocol ${protocol} at byte 0`)
      expect(error.code).toBe('MODEL_UNSUPPORTED')
    }
  })
})

describe('a program that cannot be run', () => {
  const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff)
  const cases: [string, readonly Code[]][] = [
    ['is empty', []],
    ['does not end', [NONE]],
    ['ends with nothing', [STOP]],
    ['ends with two values', [NONE, NONE, STOP]],
    ['ends with an open mark', [0x28, STOP]],
    ['ends below a mark', [NONE, 0x28, STOP]],
    ['goes on behind its end', [NONE, STOP, STOP]],
    ['takes a tuple of more than there is', [NONE, 0x86, STOP]],
    ['takes a tuple from below a mark', [NONE, NONE, 0x28, NONE, 0x86, 0x74, STOP]],
    ['closes a mark that was not made', [NONE, 0x74, STOP]],
    ['keeps nothing', [0x71, 0, NONE, STOP]],
    ['keeps what is below a mark', [NONE, 0x28, 0x71, 0, 0x74, STOP]],
    ['takes what was not kept', [0x68, 0, STOP]],
    ['sets items on a number', [int(1), text('a'), int(1), 0x73, STOP]],
    ['sets items on a tuple', [0x29, text('a'), int(1), 0x73, STOP]],
    ['sets an odd number of items', [0x7d, 0x28, text('a'), 0x75, STOP]],
    ['sets a key that is a dictionary', [0x7d, 0x7d, int(1), 0x73, STOP]],
    ['sets attributes of a tuple', [0x29, 0x7d, 0x62, STOP]],
    ['sets attributes from a tuple', [0x7d, 0x29, 0x62, STOP]],
    ['calls a number', [int(1), 0x29, REDUCE, STOP]],
    ['calls a value', [global('m value'), 0x29, REDUCE, STOP]],
    ['calls with what is no tuple', [global('m pair'), int(1), REDUCE, STOP]],
    ['calls with too few', [global('m pair'), 0x29, REDUCE, STOP]],
    ['has a persistent id of no sense', [int(1), 0x51, STOP]],
    ['has a string of 4 GiB', [0x58, huge, STOP]],
    ['has a string that is not UTF-8', [0x58, 1, 0, 0, 0, 0xff, STOP]],
    ['has a name that does not end', [0x63, 0x6d, 0x0a, 0x6d]],
    ['has a name of 300 bytes', [global(`m ${'x'.repeat(300)}`), STOP]],
    ['is cut in a number', [0x4a, 1, 2]]
  ]
  it.each(cases)('%s', (_, code) => {
    expect(errorOf(() => run(...code)).code).toBe('MODEL_FILE_INVALID')
  })

  it('may not reach below a mark', () => {
    const below: (readonly Code[])[] = [
      [NONE, 0x28, STOP],
      [NONE, NONE, 0x28, NONE, 0x86, 0x74, STOP],
      [0x7d, text('a'), 0x28, int(1), 0x73, STOP],
      [0x7d, 0x28, 0x7d, 0x62, STOP],
      [global('m pair'), 0x28, 0x29, REDUCE, STOP],
      [NONE, 0x28, 0x71, 0, 0x74, STOP]
    ]
    for (const code of below) {
      expect(errorOf(() => run(...code)).problem).toMatch(/^the stack is empty/)
    }
  })

  it('names the byte', () => {
    expect(errorOf(() => run(NONE, NONE, 0x68, 9, STOP)).problem).toBe(
      'nothing was kept as number 9 (byte 2 of the pickle)'
    )
  })
})

describe('bounds', () => {
  const filled = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte)

  it('deep nesting takes no stack: a million marks, tuples in tuples, dictionaries', () => {
    expect(errorOf(() => run(filled(0x28, 1_000_000), STOP)).code).toBe('MODEL_FILE_INVALID')
    let depth = 0
    let value = run(NONE, filled(0x85, 1_000_000), STOP)
    for (; Array.isArray(value); value = value[0]!) depth++
    expect(depth).toBe(1_000_000)
    expect(errorOf(() => run(filled(0x7d, 1_000_000), STOP)).code).toBe('MODEL_FILE_INVALID')
  })

  it('a program of more than 2^20 steps is stopped', () => {
    const error = errorOf(() => run(filled(0x28, 2 ** 20), STOP))
    expect(error.problem).toContain('more than 1048576 steps')
  })

  it('a program of more bytes than any has is not begun', () => {
    const error = errorOf(() => run(filled(0x28, MAX_PICKLE_BYTES + 1)))
    expect(error.problem).toBe('the pickle has 8388609 bytes')
  })

  it('a loop of the memo does not grow: values are shared, not copied', () => {
    // A tuple of the tuple before it twice, 60 times: 2^60 leaves if it were ever unfolded.
    const doubled = Array.from({ length: 60 }, () => program(0x71, 0, 0x68, 0, 0x86))
    let value = run(int(1), ...doubled, STOP)
    let depth = 0
    for (; Array.isArray(value); value = value[1]!) depth++
    expect(depth).toBe(60)
  })
})
