import { describe, expect, it } from '@jest/globals'
import { type Condition, conditionSchema } from '../../contract/rule-condition.ts'
import { readCommandWords } from '../../rules/command-words.ts'
import { type FieldValue, type Subject, holds, speaking } from '../../rules/operators.ts'

function subject(fields: Record<string, readonly FieldValue[]>, commandLine: readonly string[] = []): Subject {
  const values = new Map(Object.entries(fields))
  return { values: (field) => values.get(field) ?? [], command: readCommandWords(commandLine) }
}

const LIBRARIES = subject({ library: ['libc.so.6', 'libllama.v0.5.0.so'], port: [8080, 11434], flag: [true] })
const COMMAND = subject({}, [
  '/usr/bin/python3.12',
  '/usr/local/bin/vllm',
  'serve',
  '--port',
  '8000',
  '--model=/m/a.gguf',
  '-ngl',
  '99',
  '‹43 chars›',
])

describe('literal operators on fields', () => {
  it.each<[string, Condition, boolean]>([
    ['equals takes the whole value', { field: 'library', equals: 'libc.so.6' }, true],
    ['equals takes no part of a value', { field: 'library', equals: 'libc.so' }, false],
    ['equals takes any of several', { field: 'library', equals: ['x', 'libc.so.6'] }, true],
    ['equals compares numbers as numbers', { field: 'port', equals: 11434 }, true],
    ['equals does not turn text into numbers', { field: 'port', equals: '11434' }, false],
    ['equals compares truth values', { field: 'flag', equals: true }, true],
    ['prefix takes the beginning', { field: 'library', prefix: 'libllama.' }, true],
    ['prefix takes no middle', { field: 'library', prefix: 'llama' }, false],
    ['suffix takes the end', { field: 'library', suffix: '.so' }, true],
    ['suffix takes no middle', { field: 'library', suffix: 'llama' }, false],
    ['contains takes any place', { field: 'library', contains: 'llama' }, true],
    ['contains takes literals, no patterns', { field: 'library', contains: 'lib.*so' }, false],
    ['two operators must hold for the same value', { field: 'library', prefix: 'libc.', suffix: '.so' }, false],
    ['two operators that hold for one value', { field: 'library', prefix: 'libllama', suffix: '.so' }, true],
    ['between includes both ends', { field: 'port', between: [8080, 8080] }, true],
    ['between refuses what lies outside', { field: 'port', between: [1, 8079] }, false],
    ['between refuses text', { field: 'library', between: [0, 1e9] }, false],
    ['prefix refuses numbers', { field: 'port', prefix: '1' }, false],
    ['a field that was not seen fulfils nothing', { field: 'unknown', prefix: '' }, false],
    ['a bare field holds when it was seen', { field: 'port' }, true],
  ])('%s', (_promise, condition, expected) => {
    expect(holds(condition, LIBRARIES)).toBe(expected)
  })

  it.each<[string, Condition, boolean]>([
    [
      'all needs every member',
      {
        all: [
          { field: 'port', equals: 8080 },
          { field: 'port', equals: 1 },
        ],
      },
      false,
    ],
    [
      'any needs one member',
      {
        any: [
          { field: 'port', equals: 8080 },
          { field: 'port', equals: 1 },
        ],
      },
      true,
    ],
    [
      'none needs that no member holds',
      {
        none: [
          { field: 'port', equals: 8080 },
          { field: 'port', equals: 1 },
        ],
      },
      false,
    ],
    ['none holds over what was not seen', { none: [{ field: 'unknown', equals: 1 }] }, true],
    [
      'they nest',
      { all: [{ any: [{ none: [{ field: 'port', equals: 1 }] }] }, { field: 'port', equals: 8080 }] },
      true,
    ],
  ])('%s', (_promise, condition, expected) => {
    expect(holds(condition, LIBRARIES)).toBe(expected)
  })

  it('refuses to nest deeper than three levels', () => {
    const test = { field: 'port', equals: 1 }
    const three = { all: [{ any: [{ none: [test] }] }] }

    expect(conditionSchema.safeParse(three).success).toBe(true)
    expect(conditionSchema.safeParse({ all: [three] }).success).toBe(false)
  })
})

describe('argument-level operators', () => {
  it.each<[string, Condition, boolean]>([
    ['programName takes the interpreter', { programName: 'python3.12' }, true],
    ['programName takes the script behind it', { programName: ['x', 'vllm'] }, true],
    ['programName takes no folder', { programName: 'bin' }, false],
    ['subCommand is the first operand of the script', { subCommand: 'serve' }, true],
    ['subCommand is no later operand', { subCommand: '8000' }, false],
    ['hasSwitch takes a switch with a value beside it', { hasSwitch: '--port' }, true],
    ['hasSwitch takes a switch with a value in it', { hasSwitch: '--model' }, true],
    ['hasSwitch takes no value', { hasSwitch: '8000' }, false],
    ['hasSwitch takes no part of a switch', { hasSwitch: '--mod' }, false],
    ['switchValue takes the next argument', { switchValue: { switch: '--port', equals: '8000' } }, true],
    ['switchValue takes the value after =', { switchValue: { switch: '--model', suffix: '.gguf' } }, true],
    ['switchValue belongs to its own switch', { switchValue: { switch: '-ngl', equals: '8000' } }, false],
  ])('%s', (_promise, condition, expected) => {
    expect(holds(condition, COMMAND)).toBe(expected)
  })

  it('shows the values that spoke', () => {
    const condition: Condition = {
      any: [
        { field: 'library', prefix: 'libllama' },
        { field: 'port', equals: 1 },
      ],
    }

    expect(speaking(condition, LIBRARIES)).toEqual(['libllama.v0.5.0.so'])
    expect(speaking({ switchValue: { switch: '-ngl' } }, COMMAND)).toEqual(['-ngl 99'])
  })

  it('reads Windows paths and endings', () => {
    const words = readCommandWords(['C:\\Program Files\\Ollama\\ollama.EXE', 'serve'])

    expect(words.programs).toEqual(['ollama'])
    expect(words.subCommand).toBe('serve')
  })

  it('reads a bounded part of an endless command line', () => {
    const words = readCommandWords(['x', ...Array.from({ length: 100_000 }, () => 'y'.repeat(10))])

    expect(words.words.length).toBe(256)
  })
})
