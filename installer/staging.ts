// The folder that becomes a package: fixed modes and times, so that the same tree always gives the same bytes.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesBelow } from './production-packages.ts'

export interface Staging {
  readonly folder: string
  copy(source: string, place: string, mode?: number): void
  write(content: string | Buffer, place: string, mode?: number): void
  link(target: string, place: string): void
}

const PLAIN = 0o644
/** Programs and scripts. */
export const EXECUTABLE = 0o755

export function openStaging(folder: string): Staging {
  const make = (place: string): string => {
    const path = join(folder, place)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }
  return {
    folder,
    copy: (source, place, mode = PLAIN) => {
      const path = make(place)
      copyFileSync(source, path)
      chmodSync(path, mode)
    },
    write: (content, place, mode = PLAIN) => {
      const path = make(place)
      writeFileSync(path, content)
      chmodSync(path, mode)
    },
    link: (target, place) => symlinkSync(target, make(place)),
  }
}

/** Bytes of all files, and `md5sum` lines of those that a package installs. */
export function measureStaging(staging: Staging): { readonly bytes: number; readonly md5sums: string } {
  const lines: string[] = []
  let bytes = 0
  for (const path of filesBelow(staging.folder)) {
    bytes += statSync(path).size
    // dpkg's own list: it finds a damaged file, it is no signature.
    const md5 = createHash('md5').update(readFileSync(path)).digest('hex')
    lines.push(`${md5}  ${relative(staging.folder, path)}\n`)
  }
  return { bytes, md5sums: lines.join('') }
}

/** Gives every folder its mode, and every entry the same time whatever the umask and the clock of the build. */
export function settleStaging(staging: Staging, epoch: number): void {
  const settle = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) settle(path)
      else lutimesSync(path, epoch, epoch)
    }
    chmodSync(folder, EXECUTABLE)
    lutimesSync(folder, epoch, epoch)
  }
  settle(staging.folder)
}
