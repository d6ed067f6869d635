import { describe, expect, it } from '@jest/globals'
import { clientsOf, createConnectionCounter } from '../../../../agent/sense/linux/net-connections.ts'
import { parseTcpLine } from '../../../../agent/sense/linux/net-text.ts'

const line = (local: string, state: string, remote = '00000000:0000') =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0`

function clientsAmong(listener: string, lines: readonly string[], protocol: 'tcp' | 'tcp6' = 'tcp'): number | null {
  const counter = createConnectionCounter()
  for (const each of [line(listener, '0A'), ...lines]) counter.note(each)
  const socket = parseTcpLine(line(listener, '0A'), protocol)
  if (socket === null) throw new Error('not understood as a listener')
  return clientsOf(socket, counter.counts())
}

describe('createConnectionCounter', () => {
  it('counts what a listener accepted, and not the other end of it', () => {
    const accepted = line('0100007F:2CAA', '01', '0100007F:9C40')
    const otherEnd = line('0100007F:9C40', '01', '0100007F:2CAA')

    expect(clientsAmong('0100007F:2CAA', [accepted, otherEnd, accepted])).toBe(2)
  })

  it('counts no connection that is closing or not yet made', () => {
    expect(
      clientsAmong(
        '0100007F:2CAA',
        ['02', '03', '06', '08'].map((state) => line('0100007F:2CAA', state)),
      ),
    ).toBe(0)
  })

  it('gives a listener on every address all connections to its port, and one on a single address its own', () => {
    const lines = [line('0100007F:2CAA', '01'), line('0500000A:2CAA', '01')]

    expect(clientsAmong('00000000:2CAA', lines)).toBe(2)
    expect(clientsAmong('0100007F:2CAA', lines)).toBe(1)
  })

  it('counts IPv4 clients of a listener that takes both kinds', () => {
    const every = '00000000000000000000000000000000:1F90'

    expect(clientsAmong(every, [line('0000000000000000FFFF00000100007F:1F90', '01')], 'tcp6')).toBe(1)
  })

  it('is not misled by headers, half lines and lines of nonsense', () => {
    const lines = [
      '  sl  local_address rem_address   st tx_queue',
      '   1: 0100007F:2CAA',
      ':  ',
      '',
      '   1: zz:2CAA x 01 ',
    ]

    expect(clientsAmong('0100007F:2CAA', lines)).toBe(0)
  })

  it('says that it did not count where there are more local addresses than it keeps apart', () => {
    const address = (at: number): string => `${at.toString(16).toUpperCase().padStart(6, '0')}7F:2CAA`
    const lines = Array.from({ length: 5_000 }, (_, at) => line(address(at), '01'))

    expect(clientsAmong('00000000:2CAA', lines)).toBeNull()
  })
})
