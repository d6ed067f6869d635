// The folder of a fire drill: made fresh where nobody else can change it, marked as ours, and removed whatever happened. Leftovers of
// a drill that was killed are removed by the next one, if they are ours beyond doubt. No symbolic link is ever followed.
import { type Stats, constants } from 'node:fs'
import { lstat, mkdtemp, open, readdir, realpath, rmdir, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Result, failed, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'

const PREFIX = 'gnomon-drill-'
const MARKER = '.gnomon-drill.json'
const PURPOSE = 'gnomon fire drill'
/** Innocent names without extension: the drill proves detection by content. */
export const DECOY_NAME = 'quarterly-notes'
export const HELPER_NAME = process.platform === 'win32' ? 'notes-helper.exe' : 'notes-helper'
/** Everything a drill makes; the marker goes last, so that a removal which was cut short can be finished later. */
const OURS = [DECOY_NAME, HELPER_NAME, MARKER] as const
/** A drill is over after ten minutes, as its registration is (DESIGN.md section 6). */
const LEFTOVER_AFTER_MS = 600_000
const MAX_MARKER_BYTES = 1_024
/** A place with more entries than this is not searched to its end (CWE-400). */
const MAX_ENTRIES = 10_000

/** Makes a fresh, marked folder of mode 0700 in a place that no other user can change. */
export async function makeDrillFolder(place: string, now: Date): Promise<Result<string>> {
  let folder: string | undefined
  try {
    const real = await realpath(place)
    const weakness = await findWeakness(real)
    if (weakness !== null) return failed('GNO_SIMULATION_FAILED', weakness)
    folder = await mkdtemp(join(real, PREFIX))
    const marker = { purpose: PURPOSE, folder: basename(folder), startedAt: now.toISOString() }
    await writeFile(join(folder, MARKER), `${JSON.stringify(marker)}\n`, { flag: 'wx', mode: 0o600 })
    return success(folder)
  } catch (error) {
    if (folder !== undefined) await removeDrillFolder(folder)
    return failed('GNO_SIMULATION_FAILED', `no drill folder in ${printable(place)}: ${reasonOf(error)}`, error)
  }
}

/** Removes what a drill made in its folder, then the folder; anything else that lies there is left and told. */
export async function removeDrillFolder(folder: string): Promise<Result<void>> {
  try {
    for (const name of OURS) await unlink(join(folder, name)).catch(passAbsence)
    await rmdir(folder).catch(passAbsence)
    return success(undefined)
  } catch (error) {
    return failed('GNO_SIMULATION_FAILED', `${printable(folder)} is not removed: ${reasonOf(error)}`, error)
  }
}

/** Removes folders of earlier drills that were killed. Returns those removed; folders in doubt are left alone. */
export async function removeLeftovers(place: string, now: Date): Promise<readonly string[]> {
  const removed: string[] = []
  const real = await realpath(place).catch(() => null)
  // Where others can change the place, a removal could be led astray; makeDrillFolder says so.
  if (real === null || (await findWeakness(real)) !== null) return removed
  const names = (await readdir(real).catch(() => [])).slice(0, MAX_ENTRIES)
  for (const name of names) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(real, name)
    if (!(await isLeftover(folder, now))) continue
    if ((await removeDrillFolder(folder)).ok) removed.push(folder)
  }
  return removed
}

async function isLeftover(folder: string, now: Date): Promise<boolean> {
  try {
    const stats = await lstat(folder)
    if (!stats.isDirectory() || !isOwn(stats)) return false
    const startedAt = (await readMarkedStart(folder)) ?? (await readEmptyStart(folder, stats))
    return startedAt !== null && now.getTime() - startedAt > LEFTOVER_AFTER_MS
  } catch {
    // It vanished, or may not be read: then it is not ours to remove.
    return false
  }
}

/** When the drill of a marked folder began; null without a marker that names this very folder. */
async function readMarkedStart(folder: string): Promise<number | null> {
  // O_NONBLOCK: a FIFO in its place must not hold the drill up.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(join(folder, MARKER), flags).catch(() => null)
  if (file === null) return null
  try {
    const stats = await file.stat()
    if (!stats.isFile() || !isOwn(stats) || stats.size > MAX_MARKER_BYTES) return null
    const bytes = Buffer.alloc(MAX_MARKER_BYTES)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    const marker: unknown = JSON.parse(bytes.toString('utf8', 0, bytesRead))
    if (typeof marker !== 'object' || marker === null) return null
    if (!('purpose' in marker) || marker.purpose !== PURPOSE) return null
    if (!('folder' in marker) || marker.folder !== basename(folder)) return null
    const startedAt = 'startedAt' in marker && typeof marker.startedAt === 'string' ? Date.parse(marker.startedAt) : NaN
    return Number.isNaN(startedAt) ? null : startedAt
  } finally {
    await file.close()
  }
}

/** A drill killed before it wrote its marker leaves an empty folder, which rmdir takes without harm. */
async function readEmptyStart(folder: string, stats: Stats): Promise<number | null> {
  return (await readdir(folder)).length === 0 ? stats.mtimeMs : null
}

/** Who may rename or replace a folder on the way could make a privileged drill run or remove something else (CWE-59, CWE-367). */
async function findWeakness(place: string): Promise<string | null> {
  if (process.getuid === undefined) return null
  for (let folder = place; ; folder = dirname(folder)) {
    const stats = await lstat(folder)
    if (!stats.isDirectory()) return `${printable(folder)} is not a folder`
    const isSticky = (stats.mode & 0o1000) !== 0
    if (stats.uid !== 0 && !isOwn(stats)) return `${printable(folder)} belongs to another user (${stats.uid})`
    if ((stats.mode & 0o022) !== 0 && !isSticky) return `${printable(folder)} can be changed by other users`
    if (dirname(folder) === folder) return null
  }
}

function isOwn(stats: Stats): boolean {
  return process.getuid === undefined || stats.uid === process.getuid()
}

function passAbsence(error: unknown): void {
  const isAbsence = typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
  if (!isAbsence) throw error
}

function reasonOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error))
}
