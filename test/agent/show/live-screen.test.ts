// What a live picture leaves on a terminal, judged by a small terminal that follows the sequences it is sent.
import { EventEmitter } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { createLiveScreen } from '../../../agent/show/live-screen.ts'
import { listenForQuit } from '../../../agent/show/quit-keys.ts'
import { terminalOf } from '../../../agent/show/terminal.ts'

const TOKEN = /\u001b\[(\??\d*)([A-Za-z])|\r|\n|[^\u001b]/gu

/** Rows of a terminal that scrolls; it wraps unless it is told not to. */
function createTerminal(columns: number, rows: number) {
  const lines: string[] = ['$ gnomon ps --watch']
  let row = 1
  let column = 0
  let wraps = true
  let leftOver = ''
  const down = (): void => {
    row += 1
    column = 0
  }
  const put = (letter: string): void => {
    if (column >= terminal.columns) {
      if (!wraps) return
      down()
    }
    lines[row] = `${(lines[row] ?? '').padEnd(column).slice(0, column)}${letter}`
    column += 1
  }
  const obey = (code: string, letter: string): void => {
    const top = Math.max(0, lines.length - terminal.rows)
    if (letter === 'A') row = Math.max(top, row - Number(code))
    else if (letter === 'J' && code === '2') lines.length = top
    else if (letter === 'J') lines.length = row
    else if (letter === 'H') row = top
    else if (code === '?7') wraps = letter === 'h'
    else throw new Error(`a sequence that is not expected: ${code}${letter}`)
  }
  const terminal = {
    isTTY: true,
    columns,
    rows,
    write: (text: string) => {
      leftOver = text.replace(TOKEN, '')
      for (const [token, code, letter] of text.matchAll(TOKEN)) {
        if (letter !== undefined) obey(code ?? '', letter)
        else if (token === '\n') down()
        else if (token === '\r') column = 0
        else put(token)
      }
    },
    shown: () => lines,
    isClean: () => wraps && leftOver === '',
  }
  return terminal
}

describe('createLiveScreen', () => {
  it('replaces its own picture and nothing above it', () => {
    const terminal = createTerminal(40, 10)
    const screen = createLiveScreen(terminalOf(terminal, {}))
    screen.draw(['one', 'two', 'three'])
    screen.draw(['four', 'five'])

    expect(terminal.shown()).toEqual(['$ gnomon ps --watch', 'four', 'five'])
    expect(terminal.isClean()).toBe(true)
  })

  it('stays in its place when lines are wider than the terminal', () => {
    const terminal = createTerminal(20, 10)
    const screen = createLiveScreen(terminalOf(terminal, {}))
    for (const word of ['first', 'second']) screen.draw([word, 'x'.repeat(90), 'end'])

    expect(terminal.shown()).toEqual(['$ gnomon ps --watch', 'second', 'x'.repeat(20), 'end'])
  })

  it('takes a usual size where the terminal was given none', () => {
    const written: string[] = []
    const unsized = { isTTY: true, columns: 0, rows: 0, write: (text: string) => written.push(text) }
    const terminal = terminalOf(unsized, {})
    const screen = createLiveScreen(terminal)
    screen.draw(['one', 'two', 'three'])

    expect(written.join('')).toContain('one\ntwo\nthree\n')
    expect(screen.size()).toEqual({ columns: 80, rows: 24 })
    expect(terminal.columns).toBe(100)
  })

  it('shows what there is room for, and how much there is not', () => {
    const terminal = createTerminal(40, 5)
    const screen = createLiveScreen(terminalOf(terminal, {}))
    const many = Array.from({ length: 30 }, (_, at) => `line ${at}`)
    for (let round = 0; round < 4; round += 1) screen.draw(many)

    expect(terminal.shown()).toEqual(['$ gnomon ps --watch', 'line 0', 'line 1', 'line 2', '… and 27 more'])
  })

  it('begins on an empty screen after the window was pulled', () => {
    const terminal = createTerminal(40, 10)
    const screen = createLiveScreen(terminalOf(terminal, {}))
    screen.draw(['old'])
    terminal.columns = 30
    screen.draw(['new'])

    expect(terminal.shown()).toEqual(['new'])
    expect(screen.size()).toEqual({ columns: 30, rows: 10 })
  })
})

describe('listenForQuit', () => {
  function createKeyboard(isTTY: boolean) {
    const events = new EventEmitter()
    const calls: string[] = []
    return {
      isTTY,
      calls,
      press: (key: string) => events.emit('data', Buffer.from(key)),
      on: (event: 'data', listener: (piece: Buffer) => void) => events.on(event, listener),
      off: (event: 'data', listener: (piece: Buffer) => void) => events.off(event, listener),
      setRawMode: (isRaw: boolean) => calls.push(isRaw ? 'raw' : 'cooked'),
      resume: () => calls.push('resume'),
      pause: () => calls.push('pause'),
    }
  }

  it.each([
    ['q', 1],
    ['\u0003', 1],
    ['\u001b[A', 0],
    ['x', 0],
  ])('hears %j %i times', (key, times) => {
    const keyboard = createKeyboard(true)
    let quits = 0
    const release = listenForQuit(keyboard, () => {
      quits += 1
    })
    keyboard.press(key)
    release()
    keyboard.press('q')

    expect(quits).toBe(times)
    expect(keyboard.calls).toEqual(['raw', 'resume', 'cooked', 'pause'])
  })

  it('leaves an input alone that is no keyboard', () => {
    const keyboard = createKeyboard(false)
    listenForQuit(keyboard, () => undefined)()

    expect(keyboard.calls).toEqual([])
  })
})
