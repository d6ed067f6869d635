// The command contract of DESIGN.md section 5, the same for every program.
import { parseArgs } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import {
  type CommandSpec,
  EXIT,
  type Interpretation,
  interpretArguments,
  type ParseArguments,
  type ProgramSpec,
  renderCommandHelp,
  renderProgramHelp,
} from '../../contract/command-line.ts'
import type { Result } from '../../contract/failure.ts'

const read: CommandSpec = {
  name: 'read',
  operands: 'FILE…',
  minOperands: 1,
  maxOperands: 3,
  summary: 'Reads shadows.',
  details: ['Prints one line a shadow.'],
  options: {
    json: { type: 'boolean', summary: 'Print one JSON document.' },
    state: { type: 'string', short: 's', value: 'DIR', summary: 'State folder.' },
    exclude: { type: 'string', multiple: true, summary: 'Leave out.' },
  },
}

const program: ProgramSpec = {
  name: 'sundial',
  summary: 'tells the time.',
  commands: [read, { name: 'now', operands: '', minOperands: 0, maxOperands: 0, summary: 'The hour.', options: {} }],
}

function interpret(...argv: readonly string[]): Result<Interpretation> {
  return interpretArguments(program, argv, parseArgs)
}

function invocationOf(...argv: readonly string[]) {
  const result = interpret(...argv)
  if (!result.ok || result.value.kind !== 'run') throw new Error('expected a command to run')
  return result.value.invocation
}

function helpOf(...argv: readonly string[]): string {
  const result = interpret(...argv)
  if (!result.ok || result.value.kind !== 'help') throw new Error('expected help')
  return result.value.text
}

describe('exit codes', () => {
  it('are the four of the command contract', () => {
    expect(EXIT).toEqual({ done: 0, findings: 1, usage: 2, failure: 3 })
  })
})

describe('interpretArguments', () => {
  it('gives a command its operands and its typed options', () => {
    const invocation = invocationOf('read', 'a', '--json', '-s', 'here', 'b', '--exclude', 'x', '--exclude', 'y')

    expect(invocation.command.name).toBe('read')
    expect(invocation.operands).toEqual(['a', 'b'])
    expect(invocation.values).toMatchObject({ json: true, state: 'here', exclude: ['x', 'y'] })
  })

  it('takes what follows -- as operands, whatever it looks like', () => {
    const invocation = invocationOf('read', '--', '--json')

    expect(invocation.operands).toEqual(['--json'])
    expect(invocation.values['json']).toBeUndefined()
  })

  it.each([
    ['an unknown command', ['sing'], 'sing'],
    ['an unknown option', ['read', 'a', '--loud'], '--loud'],
    ['an option without its value', ['read', 'a', '--state'], '--state'],
    ['a value for a switch', ['read', 'a', '--json=yes'], '--json'],
    ['too few operands', ['read'], 'usage: sundial read'],
    ['too many operands', ['read', '1', '2', '3', '4'], 'usage: sundial read'],
    ['an operand where none is taken', ['now', 'please'], 'usage: sundial now'],
    ['a command named like a part of every object', ['__proto__'], '__proto__'],
  ])('refuses %s with GNO_USAGE and one line that says so', (_what, argv, mentioned) => {
    const result = interpret(...argv)

    expect(result.ok ? null : result.failure.code).toBe('GNO_USAGE')
    expect(result.ok ? '' : result.failure.detail).toContain(mentioned)
    expect(result.ok ? '' : result.failure.detail).not.toContain('\n')
  })

  it('escapes what it repeats from the command line', () => {
    const result = interpret('\u001b[2Jread')

    expect(result.ok ? '' : result.failure.detail).toContain('\\u{1b}[2Jread')
  })

  it('lets a parser that throws become a failure with its cause', () => {
    const broken: ParseArguments = () => {
      throw new Error('no such thing.\nmore')
    }

    const result = interpretArguments(program, ['now'], broken)

    expect(result.ok ? null : result.failure).toMatchObject({
      code: 'GNO_USAGE',
      detail: 'no such thing; see sundial now --help',
    })
    expect(result.ok ? null : result.failure.cause).toBeInstanceOf(Error)
  })
})

describe('help', () => {
  it.each([[[]], [['--help']], [['-h']], [['help']], [['help', 'sing']]])('of the program comes for %j', (argv) => {
    expect(helpOf(...argv)).toBe(renderProgramHelp(program))
  })

  it.each([[['help', 'read']], [['read', '--help']], [['read', 'a', '-h']]])('of a command comes for %j', (argv) => {
    expect(helpOf(...argv)).toBe(renderCommandHelp(program, read))
  })

  it('names every command, every option, its value and the exit codes', () => {
    const text = `${helpOf()}\n${helpOf('help', 'read')}`

    for (const word of [
      'read FILE…',
      'now',
      'Reads shadows.',
      '--json',
      '-s, --state DIR',
      '--exclude VALUE',
      '--help',
    ])
      expect(text).toContain(word)
    expect(text).toContain(
      '0 done, 1 findings at or above --fail-on, 2 usage or configuration, 3 could not do the work',
    )
    expect(text).toContain('Prints one line a shadow.')
  })
})
