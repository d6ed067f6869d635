// Disks of WSL on a Windows that a test brings.
import { describe, expect, it } from '@jest/globals'
import { findWslDisks } from '../../../../agent/sense/win32/wsl-disks.ts'

const LOCAL = 'C:\\Users\\ada\\AppData\\Local'
const UBUNTU = `${LOCAL}\\Packages\\CanonicalGroupLimited.Ubuntu_79rhkp1fndgsc\\LocalState\\ext4.vhdx`
const NEWER = `${LOCAL}\\wsl\\{7a1c}\\ext4.vhdx`

const view = {
  list: (folder: string): readonly string[] => {
    if (folder === `${LOCAL}\\Packages`) return ['CanonicalGroupLimited.Ubuntu_79rhkp1fndgsc', 'Microsoft.Store']
    return folder === `${LOCAL}\\wsl` ? ['{7a1c}', 'notes.txt'] : []
  },
  isFile: (path: string): boolean => path === UBUNTU || path === NEWER,
}

describe('findWslDisks', () => {
  it('finds the disks of both generations below a home, and no package without one', () => {
    expect(findWslDisks(['C:\\Users\\ada', 'C:\\Users\\bob'], view)).toEqual([UBUNTU, NEWER])
  })

  it('finds nothing where there is no Windows', () => {
    expect(findWslDisks(['/nowhere/at/all'])).toEqual([])
  })
})
