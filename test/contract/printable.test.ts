// What a stranger chose never reaches a terminal or a log as a command.
import { describe, expect, it } from '@jest/globals'
import { printable, printableJson, shorten } from '../../contract/printable.ts'

describe('printable', () => {
  it.each([
    ['an escape sequence', '\u001b[31mred', '\\u{1b}[31mred'],
    ['a new line that would forge a log entry', 'a\nb\r', 'a\\u{a}b\\u{d}'],
    ['a tab and a null', '\t\u0000', '\\u{9}\\u{0}'],
    ['an eight-bit control', '\u009b2J', '\\u{9b}2J'],
    ['a right-to-left override', 'gnp.\u202efug', 'gnp.\\u{202e}fug'],
    ['an isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['a zero-width joiner', 'mo\u200ddel', 'mo\\u{200d}del'],
    ['a line separator', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['a byte-order mark', '\ufeffx', '\\u{feff}x'],
    ['a delete', 'x\u007f', 'x\\u{7f}'],
  ])('makes %s visible', (_what, hostile, shown) => {
    expect(printable(hostile)).toBe(shown)
  })

  it('leaves every other character alone', () => {
    const text = 'Modèle 模型 модель 🦙 ~!@#$%^&*()_+{}|\\'

    expect(printable(text)).toBe(text)
  })

  it('has nothing left to do the second time', () => {
    const once = printable(Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join(''))

    expect(printable(once)).toBe(once)
  })
})

describe('shorten', () => {
  it('leaves a text that fits', () => {
    expect(shorten('12345', 5)).toBe('12345')
  })

  it.each([
    [0, ''],
    [1, '…'],
    [2, '1…'],
    [3, '1…5'],
  ])('never takes more than %i columns', (width, shown) => {
    expect(shorten('12345', width)).toBe(shown)
  })

  it.each([5, 10, 33, 79])('fits a long path in %i columns and keeps both ends', (width) => {
    const path = `/home/someone/${'deep/'.repeat(40)}model.gguf`

    const short = shorten(path, width)

    expect(short).toHaveLength(width)
    expect(short.startsWith('/')).toBe(true)
    expect(short.endsWith('f')).toBe(true)
    expect(short).toContain('…')
  })
})

describe('JSON for standard output', () => {
  const hostile = {
    'a\u202e': ['x\u200b\u2066\u009b31m\u007f\ufeff\n', '\u{e0041}', '\ud800'],
    plain: 'größer 模型 😀',
  }

  it.each([undefined, 2])('draws nothing over the terminal and means the same (indent %s)', (indent) => {
    const text = printableJson(hostile, indent)

    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
    expect(text).toContain('\\u202e')
    expect(text).toContain('\\udb40\\udc41')
    expect(JSON.parse(text)).toEqual(hostile)
  })

  it('leaves what is safe as JSON.stringify gives it', () => {
    const safe = { list: [1, 'größer 模型 😀', 'a\tb'], none: null }

    expect(printableJson(safe, 2)).toBe(JSON.stringify(safe, null, 2))
  })
})
