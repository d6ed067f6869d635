// Each kind of place is covered or a gap says why not.
import { describe, expect, it } from '@jest/globals'
import { type PlaceKindsAsked, tellPlaceKinds, tryHome } from '../../../agent/sense/place-kinds.ts'

const asked: PlaceKindsAsked = {
  platform: 'linux',
  roots: ['/home/ada', '/dev/shm', '/media/stick'],
  mounted: {
    removable: [{ path: '/media/stick', kind: 'vfat' }],
    memory: [{ path: '/dev/shm', kind: 'tmpfs' }],
    remote: [],
    others: 0,
  },
  homes: ['/home/ada'],
  tryHome: () => 'open',
  wslDisks: [],
}
const told = (change: Partial<PlaceKindsAsked>) => {
  const { coverage, gaps } = tellPlaceKinds({ ...asked, ...change })
  return {
    states: Object.fromEntries(coverage.map(({ sensor, state }) => [sensor, state])),
    gaps: gaps.map(({ sensor, code, place }) => `${sensor ?? ''} ${code} ${place}`),
    coverage,
  }
}

describe('tellPlaceKinds', () => {
  it('calls everything complete that was swept', () => {
    const { states, gaps, coverage } = told({})

    expect(states).toEqual({
      'removable-media': 'complete',
      'network-shares': 'complete',
      'memory-files': 'complete',
      homes: 'complete',
    })
    expect(gaps).toEqual([])
    expect(coverage[0]?.places).toEqual(['/media/stick'])
  })

  it('names a medium that no root reaches, each share, and each home that is closed: once, not a file each', () => {
    const { states, gaps } = told({
      roots: ['/home/ada', '/dev/shm'],
      mounted: { ...asked.mounted, remote: [{ path: '/mnt/c', kind: '9p' }] },
      homes: ['/home/ada', '/home/bob', '/home/far', '/home/gone'],
      tryHome: (home) => {
        const answers = { '/home/bob': 'denied', '/home/far': 'remote', '/home/gone': 'absent' } as const
        return home === '/home/bob' || home === '/home/far' || home === '/home/gone' ? answers[home] : 'open'
      },
    })

    expect(states).toMatchObject({ 'removable-media': 'partial', 'network-shares': 'partial', homes: 'partial' })
    expect(gaps).toEqual([
      'removable-media GNO_SENSE_LIMIT /media/stick',
      'network-shares GNO_SENSE_OTHER_FILESYSTEM /mnt/c',
      'homes GNO_SENSE_DENIED /home/bob',
      'homes GNO_SENSE_OTHER_FILESYSTEM /home/far',
    ])
  })

  it('says on Windows that other places are not swept, and names the disks of WSL', () => {
    const disk = 'C:\\Users\\ada\\AppData\\Local\\wsl\\{7a1c}\\ext4.vhdx'
    const { states, gaps } = told({ platform: 'win32', wslDisks: [disk] })

    expect(states).toEqual({ 'other-places': 'unsupported', 'wsl-disks': 'partial', homes: 'complete' })
    expect(gaps).toContain(`wsl-disks GNO_SENSE_OTHER_FILESYSTEM ${disk}`)
  })

  it('asks a home by opening it', () => {
    expect(tryHome('/nowhere/at/all')).toBe('absent')
    expect(tryHome(import.meta.dirname)).toBe('open')
  })
})
