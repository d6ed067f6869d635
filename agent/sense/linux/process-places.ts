// Which of some places a process runs its script from or writes to. Asked of candidates only. The whole command line and every open
// file are looked at here, and only what is one of the places that were asked for leaves.
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs'
import { posix } from 'node:path'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { NAME_ENCODING, readablePath } from '../path-text.ts'
import { firstNames } from './first-names.ts'
import { O_PATH } from './held-folder.ts'
import { readText } from './proc-read.ts'
import { parseStat } from './proc-text.ts'

/** Descriptors looked at: a server holds its log and its database among the first (CWE-400). */
const MAX_DESCRIPTORS = 4_096
/** A script stands in front; what follows are its own arguments. */
const MAX_ARGUMENTS = 16
const MAX_COMMAND_BYTES = 64 * 1024
const MAX_PLACES = 16
const INTERPRETER = /^(?:python|pypy|node|nodejs|bun|deno|ruby|perl|bash|dash|sh|zsh)[0-9.]*$/i
/** With one of these the program is not a file of its own. */
const PROGRAM_TEXT = new Set(['-c', '-m', '-e', '-p', '--eval', '--print', '-'])
/** open(2): the last two bits of the flags; 0 is reading. */
const ACCESS_MODE = 0o3

/** What finding these places touches. */
export const processPlacesDeclaration: TouchDeclaration = {
  id: 'process-places',
  platform: 'linux',
  touches: [
    '/proc/*/stat, cmdline, cwd, fd, fdinfo (of processes that look like a runtime, hold weights or much memory)',
  ],
  collects: [
    'whether the script of such a process belongs to a package of the inventory, and whether it has a state file that the rule pack names open for writing; no other path and no argument',
  ],
}

export interface ProcessPlaces {
  /** Absolute path of the script that an interpreter runs; null unless it was asked for. */
  readonly script: string | null
  /** Files that are open for writing, of those that were asked for. */
  readonly written: readonly string[]
}

const nothing: ProcessPlaces = { script: null, written: [] }

export interface AskedPlaces {
  readonly pid: number
  readonly startTicks: string
  /** Name of the executable, as the kernel tells it. */
  readonly executable: string
  readonly isScript: (path: string) => boolean
  readonly isState: (path: string) => boolean
}

/** Looks at one process; what is refused, or ended meanwhile, tells nothing. */
export function processPlaces({ pid, startTicks, executable, isScript, isState }: AskedPlaces): ProcessPlaces {
  let held: number | undefined
  try {
    held = openSync(`/proc/${Math.trunc(pid)}`, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    if (parseStat(readFileSync(`${folder}/stat`, 'latin1'))?.startTicks !== startTicks) return nothing
    const script = INTERPRETER.test(executable.slice(executable.lastIndexOf('/') + 1)) ? scriptOf(folder) : null
    return { script: script !== null && isScript(script) ? script : null, written: writtenFiles(folder, isState) }
  } catch {
    // Gone or refused: the gaps of the process itself tell that.
    return nothing
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

/** By text alone: a link may lead to a server that never answers. */
function scriptOf(folder: string): string | null {
  const line = readText(`${folder}/cmdline`, MAX_COMMAND_BYTES)
  if (line.kind !== 'seen') return null
  const [, ...words] = line.value.split('\0', MAX_ARGUMENTS)
  const at = words.findIndex((word) => PROGRAM_TEXT.has(word) || !word.startsWith('-'))
  const word = words[at] ?? ''
  if (word === '' || PROGRAM_TEXT.has(word)) return null
  const folderOf = word.startsWith('/') ? '/' : linkOf(`${folder}/cwd`)
  return folderOf === null ? null : posix.resolve(folderOf, readablePath(word))
}

function writtenFiles(folder: string, isState: (path: string) => boolean): readonly string[] {
  const written: string[] = []
  for (const name of firstNames(`${folder}/fd`, MAX_DESCRIPTORS)) {
    const path = linkOf(`${folder}/fd/${name}`)
    if (path !== null && isState(path) && isWritten(`${folder}/fdinfo/${name}`)) written.push(path)
    if (written.length >= MAX_PLACES) break
  }
  return written
}

/** A backup or a search reads what it finds; who writes there lives there. */
function isWritten(place: string): boolean {
  const flags = /^flags:\s+([0-7]{1,12})$/m.exec(readFileSync(place, 'latin1'))?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0
}

function linkOf(path: string): string | null {
  try {
    return readablePath(readlinkSync(path, NAME_ENCODING))
  } catch {
    // Closed meanwhile.
    return null
  }
}
