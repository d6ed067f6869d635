import { describe, expect, it } from '@jest/globals'
import { bytesOf, bytesOfReadable, isPlainName, readablePath } from '../../../agent/sense/path-text.ts'

describe('readablePath', () => {
  it.each([
    ['plain ASCII stays', '/a/b c', '/a/b c'],
    ['UTF-8 becomes text', bytesOf('/mödel/模型'), '/mödel/模型'],
    ['a byte that is not UTF-8 becomes \\xNN', '/a/\u00ff\u00fe.gguf', '/a/\\xff\\xfe.gguf'],
    ['valid and invalid bytes stand side by side', `${bytesOf('é')}\u00c3`, 'é\\xc3'],
    ['an overlong form is not UTF-8', '\u00c0\u00af', '\\xc0\\xaf'],
    ['a surrogate is not UTF-8', '\u00ed\u00a0\u0080', '\\xed\\xa0\\x80'],
    ['a real replacement character is kept', bytesOf('\ufffd'), '\ufffd'],
  ])('%s', (_promise, bytes, expected) => {
    expect(readablePath(bytes)).toBe(expected)
  })

  it.each([
    '/a/\u00ff\u00fe.gguf',
    bytesOf('/mödel/模型'),
    'a\\xff',
    'a\\x5cxff',
    '\\\\x00',
    `${bytesOf('é')}\u00c3\\`,
  ])('leads back to the bytes of %j', (bytes) => {
    expect(bytesOfReadable(readablePath(bytes))).toBe(bytes)
  })

  it('never prints two different names alike', () => {
    const literal = readablePath('a\\xff')
    const byte = readablePath('a\u00ff')

    expect(literal).not.toBe(byte)
  })
})

describe('isPlainName', () => {
  it.each(['', '.', '..', 'a/b', '/a', 'a\0b', 'x'.repeat(256)])('refuses %j', (name) => {
    expect(isPlainName(name)).toBe(false)
  })

  it('takes a name', () => {
    expect(isPlainName('model-00001-of-00002.safetensors')).toBe(true)
  })
})

describe('readablePath of a tree deeper than a report takes', () => {
  it('is cut to what the wire takes, and two different ones stay different', () => {
    const deep = (last: string): string => readablePath(`/${'d'.repeat(250)}`.repeat(100) + last)

    expect(deep('/a').length).toBeLessThanOrEqual(16_384)
    expect(deep('/a')).not.toBe(deep('/b'))
  })
})
