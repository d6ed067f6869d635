// Single variables of an agent's environment, by name: each value goes to a judge and is dropped, so that nothing of it is kept, not
// even its length. /proc/PID/environ (proc_pid_environ(5)) shows what the process was started with, not what it set later.
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { O_PATH } from './held-folder.ts'
import { parseStat } from './proc-text.ts'
import { systemFailure } from './system-failure.ts'

export const processVariablesDeclaration: TouchDeclaration = {
  id: 'process-variables',
  platform: 'linux',
  touches: [
    '/proc/*/environ, /proc/*/stat, only of processes that were identified as an agent whose entry names a variable that points it at a model (OPENAI_BASE_URL and the like)',
  ],
  collects: [
    'of the named variables of an agent whether each leads to this machine or elsewhere; never its value, never the names or values of others',
  ],
}

/** A shell's environment has 5 KB; one argument list with it may have 6 MB, and what lies behind this is not looked at (CWE-770). */
const MAX_ENVIRONMENT_BYTES = 262_144
const PIECE_BYTES = 65_536

export interface VariablesWanted<T> {
  readonly pid: number
  readonly startTicks: string
  readonly names: ReadonlySet<string>
  /** Sees one value; only what it returns leaves. */
  readonly judge: (name: string, value: string) => T
}

/** What the judge said of each wanted variable that is set. */
export function judgeVariables<T>(wanted: VariablesWanted<T>): Result<ReadonlyMap<string, T>> {
  const { pid, startTicks } = wanted
  let held: number | undefined
  try {
    held = openSync(`/proc/${Math.trunc(pid)}`, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    const isSame = parseStat(readFileSync(`${folder}/stat`, 'latin1'))?.startTicks === startTicks
    if (!isSame) return failed('GNO_SENSE_VANISHED', `process ${pid} ended`)
    return success(judgeLines(readBounded(`${folder}/environ`), wanted))
  } catch (error) {
    return systemFailure(error, `/proc/${pid}/environ`)
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

function judgeLines<T>(text: string, { names, judge }: VariablesWanted<T>): ReadonlyMap<string, T> {
  const judged = new Map<string, T>()
  for (const line of text.split('\0')) {
    const equals = line.indexOf('=')
    const name = line.slice(0, Math.max(equals, 0))
    // The first one counts, as for getenv(3).
    if (names.has(name) && !judged.has(name)) judged.set(name, judge(name, line.slice(equals + 1)))
  }
  return judged
}

/** As far as the limit; a variable that is cut there is left out. */
function readBounded(path: string): string {
  const file = openSync(path, constants.O_RDONLY)
  try {
    const { text, isWhole } = readPieces(file)
    return isWhole ? text : text.slice(0, text.lastIndexOf('\0') + 1)
  } finally {
    closeSync(file)
  }
}

function readPieces(file: number): { readonly text: string; readonly isWhole: boolean } {
  const pieces: Buffer[] = []
  let count = -1
  for (let size = 0; size < MAX_ENVIRONMENT_BYTES && count !== 0; size += count) {
    const piece = Buffer.alloc(PIECE_BYTES)
    count = readSync(file, piece)
    pieces.push(piece.subarray(0, count))
  }
  return { text: Buffer.concat(pieces).toString('utf8'), isWhole: count === 0 }
}
