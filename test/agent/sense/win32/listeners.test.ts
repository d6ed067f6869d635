import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type WindowsListenersCapture, windowsListeners } from '../../../../agent/sense/win32/listeners.ts'
import { parseNetstatLine } from '../../../../agent/sense/win32/netstat-text.ts'

const file = join(import.meta.dirname, '../../../corpus/sense/win32/listeners.json')
const { capture } = JSON.parse(readFileSync(file, 'utf8')) as { readonly capture: WindowsListenersCapture }
const HEADING = '\r\nActive Connections\r\n'
const interpret = (text: string, cut?: string) =>
  windowsListeners.interpret({
    answers: { TCP: cut === undefined ? { text } : { text, cut }, TCPv6: { text: HEADING } },
  })

describe('windowsListeners', () => {
  it('tells listeners of both families in any language, and no connection', () => {
    const { observations, gaps } = windowsListeners.interpret(capture)

    expect(gaps).toEqual([])
    expect(
      observations.flatMap((one) =>
        one.kind === 'listener' ? [`${one.protocol} ${one.address} ${one.port} ${one.scope} ${one.pids.join()}`] : [],
      ),
    ).toEqual([
      'tcp 0.0.0.0 135 any 1144',
      'tcp 0.0.0.0 445 any 4',
      'tcp 0.0.0.0 11434 any 9524',
      'tcp 127.0.0.1 1234 loopback 77',
      'tcp 192.168.12.7 139 specific 4',
      'tcp6 :: 11434 any 9524',
      'tcp6 ::1 1234 loopback 77',
      'tcp6 fe80::1c2a:9d1f:4b7e:1%12 49670 specific 3072',
    ])
  })

  it('tells all owners of a shared place, and a gap for one that is not known', () => {
    const line = (pid: number) => `  TCP    127.0.0.1:80   0.0.0.0:0   LISTENING   ${pid}\r\n`

    const { observations, gaps } = interpret(HEADING + line(7) + line(9) + line(7) + line(0))

    expect(observations).toMatchObject([{ port: 80, pids: [7, 9] }])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'netstat -p TCP', count: 1 }])
  })

  it('says that a table is only a part, or that there is none', () => {
    expect(interpret(HEADING, 'no answer in time').gaps).toMatchObject([{ code: 'GNO_SENSE_LIMIT' }])
    expect(interpret('').gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED' }])
    const refused = { trouble: 'EACCES: ' }
    expect(windowsListeners.interpret({ answers: { TCP: refused, TCPv6: refused } })).toMatchObject({
      observations: [],
      gaps: [{ code: 'GNO_SENSE_FAILED' }, { code: 'GNO_SENSE_FAILED' }],
    })
  })

  it('is bounded on a huge table', () => {
    const lines = Array.from(
      { length: 30_000 },
      (_, index) => `  TCP 10.0.${index % 250}.1:${index + 1} 0.0.0.0:0 L 5\r\n`,
    )

    const { observations, gaps } = interpret(HEADING + lines.join(''))

    expect(observations).toHaveLength(16_384)
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_LIMIT', count: 30_000 - 16_384 }])
  })
})

describe('parseNetstatLine', () => {
  it.each([
    '  UDP    0.0.0.0:500   *:*    4',
    '  TCP    0.0.0.0:99999   0.0.0.0:0   LISTENING   4',
    '  TCP    0.0.0.0:-1   0.0.0.0:0   LISTENING   4',
    '  TCP    999.0.0.1:80   0.0.0.0:0   LISTENING   4',
    '  TCP    [::g]:80   [::]:0   LISTENING   4',
    '  TCP    0.0.0.0:80   0.0.0.0:0   LISTENING',
    '  TCP    0.0.0.0:80   0.0.0.0:0   LISTENING   12345678901',
    '  TCP    1.2.3.4:80   10.0.0.0:0   LISTENING   4',
  ])('takes %s for no listener', (line) => {
    expect(parseNetstatLine(line)).toBeNull()
  })
})
