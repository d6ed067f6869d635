import { describe, expect, it } from '@jest/globals'
import { heldCapabilities } from '../../../agent/self/own-work.ts'
import { type Isolation, waysToStart } from '../../../agent/reader/start-reader.ts'

const ALL = (): boolean => true
const NONE = (): boolean => false

describe('waysToStart', () => {
  it.each<[string, boolean, boolean, () => boolean, readonly Isolation[]]>([
    ['root', true, true, ALL, ['own-user', 'own-user', 'no-capabilities', 'no-capabilities']],
    ['a user', true, false, ALL, ['no-new-rights', 'permission-model']],
    ['root without setpriv', true, true, NONE, ['permission-model']],
    ['another system', false, true, ALL, ['permission-model']],
  ])('tries those with the fewest rights first: %s', (_who, isLinux, isRoot, has, expected) => {
    const ways = waysToStart(['node', 'program'], { isLinux, isRoot, has })

    expect(ways.map(({ isolation }) => isolation)).toEqual(expected)
    expect(ways.every(({ command }) => command.slice(-2).join(' ') === 'node program')).toBe(true)
  })

  it('gives up user, groups, capabilities, network and new rights where it can', () => {
    const [first] = waysToStart(['node'], { isLinux: true, isRoot: true, has: ALL })

    expect(first?.command.join(' ')).toBe(
      '/usr/bin/unshare --net --ipc -- /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps -all --ambient-caps -all --pdeathsig KILL --bounding-set -all -- node',
    )
  })
})

describe('heldCapabilities', () => {
  it.each([
    ['Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t000001fffeffffff\nCapBnd:\t0\n', 0x1fffeffffffn],
    ['CapEff:\t0000000000000004\n', 4n],
    ['CapEff:\t0000000000000000\n', 0n],
    ['', 0n],
  ])('reads what the kernel tells', (status, expected) => {
    expect(heldCapabilities(status)).toBe(expected)
  })
})
