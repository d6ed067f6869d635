import { describe, expect, it } from '@jest/globals'
import { redactArgumentLine, splitArgumentLine } from '../../../../agent/sense/win32/argument-line.ts'

describe('splitArgumentLine', () => {
  // The table of Microsoft Learn, Parsing C command-line arguments.
  it.each([
    ['p "a b c" d e', ['p', 'a b c', 'd', 'e']],
    [String.raw`p "ab\"c" "\\" d`, ['p', 'ab"c', '\\', 'd']],
    [String.raw`p a\\\b d"e f"g h`, ['p', String.raw`a\\\b`, 'de fg', 'h']],
    [String.raw`p a\\\"b c d`, ['p', String.raw`a\"b`, 'c', 'd']],
    [String.raw`p a\\\\"b c" d e`, ['p', String.raw`a\\b c`, 'd', 'e']],
    ['"C:\\Program Files\\x.exe" serve', ['C:\\Program Files\\x.exe', 'serve']],
    ['"C:\\Program Files\\"x y', ['C:\\Program Files\\', 'x', 'y']],
    ['p "" ""', ['p', '', '']],
    ['p "never ends', ['p', 'never ends']],
    ['', []],
  ])('splits %s as the C runtime does', (line, expected) => {
    expect(splitArgumentLine(line)).toEqual(expected)
  })

  it('stops at its limit', () => {
    expect(splitArgumentLine('a '.repeat(100_000)).length).toBeLessThanOrEqual(1_026)
  })
})

describe('redactArgumentLine', () => {
  const server = { name: 'llama-server.exe', executable: 'C:\\Program Files\\llama\\llama-server.exe' }

  it('keeps the switches of a runtime, and the path of weights as Windows writes it', () => {
    const line = 'LLAMA-SERVER -m "D:\\models\\x.gguf" --port 8080 --model=C:\\m\\y.gguf --api-key hunter2'

    expect(redactArgumentLine(line, server)).toEqual([
      'C:\\Program Files\\llama\\llama-server.exe',
      '-m',
      'D:\\models\\x.gguf',
      '--port',
      '8080',
      '--model=C:\\m\\y.gguf',
      '--api-key',
      '‹7 chars›',
    ])
  })

  it('turns folders and names that people gave into lengths, counted as they stand', () => {
    const shell = { name: 'cmd.exe', executable: 'C:\\Windows\\System32\\cmd.exe' }

    expect(redactArgumentLine('cmd /c echo secret "C:\\my secret\\plan.txt"', shell)).toEqual([
      'C:\\Windows\\System32\\cmd.exe',
      '/‹1 chars›',
      '‹4 chars›',
      '‹6 chars›',
      '‹21 chars›',
    ])
  })

  it('does not believe the program that a line names', () => {
    expect(redactArgumentLine('C:\\x\\ollama.exe serve', { name: 'evil.exe', executable: 'C:\\e\\evil.exe' })[0]).toBe(
      '‹15 chars›',
    )
  })

  it('goes by the name where the path is refused', () => {
    expect(redactArgumentLine('"C:\\x\\lsass.exe" secret', { name: 'lsass.exe', executable: null })).toEqual([
      'lsass.exe',
      '‹6 chars›',
    ])
  })
})
