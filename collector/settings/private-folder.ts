// A folder and files that are ours alone. Whoever can plant a state reads tokens or decides what the collector believes (CWE-732).
import {
  type Stats,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Folders made inside one another at most; more is a loop, as in /proc, where a recursive mkdir never ends. */
const MAX_NEW_FOLDERS = 32

/** Makes a folder and the missing ones above it, level by level, and keeps others out. Null, or why it cannot be ours. */
export function makePrivateFolder(folder: string): string | null {
  const missing: string[] = []
  let current = resolve(folder)
  while (lstatSync(current, { throwIfNoEntry: false }) === undefined && missing.length < MAX_NEW_FOLDERS) {
    missing.unshift(current)
    current = dirname(current)
  }
  for (const path of missing) mkdirSync(path, { mode: 0o700 })
  const stat = lstatSync(folder)
  if (!stat.isDirectory()) return `${folder} is not a folder`
  const stranger = strangerOf(folder, stat)
  if (stranger !== null) return stranger
  chmodSync(folder, 0o700)
  return null
}

/** Makes the file when it is missing and lets nobody else read it. Null, or why it may have been planted. */
export function makePrivateFile(file: string): string | null {
  const found = lstatSync(file, { throwIfNoEntry: false })
  const planted = found === undefined ? null : plantedBy(file, found)
  if (planted !== null) return planted
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const descriptor = openSync(file, flags, 0o600)
  try {
    // What was opened counts, not what was looked at before.
    const opened = plantedBy(file, fstatSync(descriptor))
    if (opened === null) fchmodSync(descriptor, 0o600)
    return opened
  } finally {
    closeSync(descriptor)
  }
}

/** Why a file that is there may have been planted; null when it is a regular file that only we can write. */
export function plantedBy(file: string, stat: Stats): string | null {
  if (!stat.isFile()) return `${file} is not a regular file`
  // Windows has no such modes; there the folder of the user protects the file.
  if (process.platform !== 'win32' && (stat.mode & 0o022) !== 0) return `${file} can be written by others`
  return strangerOf(file, stat)
}

function strangerOf(path: string, { uid }: Stats): string | null {
  const own = process.getuid?.()
  return own === undefined || uid === own ? null : `${path} belongs to user ${uid}, this process runs as ${own}`
}
