import { describe, expect, it } from '@jest/globals'
import { type DarwinListenerCapture, darwinListeners } from '../../../../agent/sense/darwin/listeners.ts'
import { readCapture } from './captures.ts'

const interpret = (text: string) => darwinListeners.interpret({ sockets: { text } })

describe('listeners of macOS', () => {
  it('tells addresses, how far they reach, and who holds them', () => {
    const { observations, gaps } = darwinListeners.interpret(readCapture('listeners') as DarwinListenerCapture)

    expect(observations).toMatchObject([
      { protocol: 'tcp', address: '127.0.0.1', port: 11434, scope: 'loopback', pids: [640] },
      { protocol: 'tcp', address: '127.0.0.1', port: 51234, scope: 'loopback', pids: [812] },
      { protocol: 'tcp6', address: '::', port: 1234, scope: 'any', pids: [903, 904] },
      { protocol: 'unix', address: '/Users/anna/.lmstudio/.internal/ipc.sock', pids: [903] },
      { protocol: 'tcp6', address: '::1', port: 8080, scope: 'loopback', pids: [1201] },
      { protocol: 'tcp', address: '192.168.1.20', port: 8081, scope: 'specific', pids: [1201] },
    ])
    expect(gaps).toEqual([])
  })

  it('takes connections, hidden ports and impossible ones for no listener', () => {
    const names = ['127.0.0.1:1->127.0.0.1:2', '*:*', '*:70000', '[::1]', 'localhost:80', '']
    const text = names.map((name) => `f3\ntIPv4\nd0x1\nn${name}\n`).join('')

    expect(interpret(`p7\n${text}`).observations).toEqual([])
  })

  it('forges no listener from a newline in the path of a socket', () => {
    const { observations } = interpret('p7\nf3\ntunix\nd0x5\nn/tmp/a\\nf4\\ntIPv4\\nn*:80\n')

    expect(observations).toMatchObject([{ protocol: 'unix', address: '/tmp/a\nf4\ntIPv4\nn*:80' }])
  })

  it('takes the bare exit of lsof for "nobody listens", and a refusal or an absent program for a gap', () => {
    const told = (sockets: DarwinListenerCapture['sockets']) =>
      darwinListeners.interpret({ sockets }).gaps.map(({ code }) => code)

    expect(told({ text: 'p7\n', cut: '1: ' })).toEqual([])
    expect(told({ trouble: 'ENOENT: ' })).toEqual(['GNO_SENSE_FAILED'])
    expect(told({ trouble: '1: lsof: Permission denied' })).toEqual(['GNO_SENSE_DENIED'])
  })
})
