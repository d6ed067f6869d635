// Disks of WSL: each distribution keeps its whole Linux in one file ext4.vhdx, below the home of the person who installed it
// (learn.microsoft.com/windows/wsl/disk-space: `%LOCALAPPDATA%\Packages\NAME\LocalState`, newer ones `%LOCALAPPDATA%\wsl\{GUID}`).
// By names alone; a file is never opened. Proved from listings only; nothing here has run on Windows yet.
import { lstatSync, readdirSync } from 'node:fs'
import { win32 } from 'node:path'

/** Packages of one person; a Windows has some hundred (CWE-400). */
const MAX_FOLDERS = 2_000
const MAX_DISKS = 64
const DISK = 'ext4.vhdx'
const LOCAL = 'AppData\\Local'
/** Folders of which each may hold a disk, and where in it. */
const HOLDERS: readonly (readonly [folder: string, below: string])[] = [
  ['Packages', 'LocalState'],
  ['wsl', ''],
  ['Docker\\wsl', ''],
]

/** How folders are listed and files looked at; a test brings its own. */
export interface WslView {
  readonly list: (folder: string) => readonly string[]
  readonly isFile: (path: string) => boolean
}

const system: WslView = {
  list(folder) {
    try {
      return readdirSync(folder)
    } catch {
      // No such folder, or another person's: their disks are then not known, and their home is a gap.
      return []
    }
  },
  isFile(path) {
    try {
      return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true
    } catch {
      return false
    }
  },
}

/** The disks below these homes. */
export function findWslDisks(homes: readonly string[], view: WslView = system): readonly string[] {
  const holders = homes.flatMap((home) =>
    HOLDERS.map(([folder, below]) => ({ holder: win32.join(home, LOCAL, folder), below })),
  )
  return holders.flatMap(({ holder, below }) => disksIn(holder, below, view)).slice(0, MAX_DISKS)
}

function disksIn(holder: string, below: string, { list, isFile }: WslView): readonly string[] {
  const names = list(holder).slice(0, MAX_FOLDERS)
  return names.map((name) => win32.join(holder, name, below, DISK)).filter(isFile)
}
