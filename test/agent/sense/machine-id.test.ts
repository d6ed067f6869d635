import { describe, expect, it } from '@jest/globals'
import { hostIdFrom, proposeHostId } from '../../../agent/sense/machine-id.ts'

const RAW = '0123456789abcdef0123456789abcdef'

describe('hostIdFrom', () => {
  it('is stable and does not contain the raw id', () => {
    const hostId = hostIdFrom(`${RAW}\n`)

    expect(hostId).toBe(hostIdFrom(RAW))
    expect(hostId).toMatch(/^host1:[0-9a-f]{32}$/)
    expect(hostId).not.toContain(RAW)
  })

  it.each(['', 'uninitialized', '0'.repeat(32), RAW.slice(1), `${RAW}0`, RAW.toUpperCase()])('refuses %j', (text) => {
    expect(hostIdFrom(text)).toBeNull()
  })
})

describe('proposeHostId', () => {
  it('always proposes an id', () => {
    expect(proposeHostId()).toMatch(/^host1:[0-9a-f]{32}$/)
  })
})
