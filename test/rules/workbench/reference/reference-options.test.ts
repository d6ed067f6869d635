// What the reference runtime can be asked for: every switch is explained, and what it cannot do is refused in a sentence.
import { resolve } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { HELP, readSettings } from '../../../../rules/workbench/reference/reference-options.ts'

describe('readSettings', () => {
  it('maps the weights, answers once, serves nobody and ends after ten minutes unless it is asked otherwise', () => {
    expect(readSettings(['--model', 'a.gguf'])).toEqual({
      modelPaths: [resolve('a.gguf')],
      adapterPath: null,
      weights: 'mapped',
      isLocked: false,
      tokens: 16,
      context: 128,
      every: 0,
      serves: null,
      nice: 0,
      apiKey: null,
      title: null,
      seconds: 600,
    })
  })

  it('takes every way of running that the evasion matrix needs', () => {
    const ways = [
      '--no-mmap',
      '--mlock',
      '--every',
      '5',
      '--nice',
      '19',
      '--title',
      'postgres',
      '--socket',
      '/run/s',
      '--seconds',
      '9',
    ]

    expect(readSettings(['--model', '/a', '--model', '/b', '--adapter', '/c', ...ways])).toMatchObject({
      modelPaths: ['/a', '/b'],
      adapterPath: '/c',
      weights: 'copied',
      isLocked: true,
      every: 5,
      serves: { socket: '/run/s' },
      nice: 19,
      title: 'postgres',
      seconds: 9,
    })
    expect(readSettings(['--model', '/a', '--serve', '--port', '4711', '--api-key', 'k'])).toMatchObject({
      serves: { port: 4711 },
      apiKey: 'k',
    })
  })

  it.each([
    [[], '--model FILE is missing'],
    [['--model', '/a', '--seconds', '3601'], '--seconds takes a whole number of 1 to 3600'],
    [['--model', '/a', '--nice', '-5'], "'--nice' argument is ambiguous"],
    [['--model', '/a', '--every', '1.5'], '--every takes a whole number of 0 to 3600'],
    [['--model', '/a', '--socket', `/${'s'.repeat(107)}`], '--socket takes a path of at most 107 bytes'],
    [Array.from({ length: 5 }, () => ['--model', '/a']).flat(), '--model can be given 4 times'],
    [['--model', '/a', '--gpu'], "Unknown option '--gpu'"],
  ])('refuses %j in a sentence', (args, sentence) => {
    const read = readSettings(args)

    expect(typeof read === 'object' && 'problem' in read ? read.problem : read).toContain(sentence)
  })
})

describe('--help', () => {
  it('wins over everything else and explains every switch', () => {
    expect(readSettings(['--help', '--port', 'x'])).toBe('help')
    const asked = [
      'model',
      'adapter',
      'no-mmap',
      'mlock',
      'tokens',
      'context',
      'every',
      'serve',
      'port',
      'socket',
      'nice',
      'title',
      'seconds',
    ]
    for (const name of asked) expect(HELP).toMatch(new RegExp(`^  --${name} `, 'm'))
  })
})
