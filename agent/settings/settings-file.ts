// Reads a settings file: bounded, a regular file, one JSON object. A file of managed policy must besides belong to the administrator.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../report/error-text.ts'
import { type Result, failed, success } from '../../contract/failure.ts'

/** A settings file with ten thousand approvals has about 2 MB; more is not a settings file (CWE-770). */
const MAX_FILE_BYTES = 8 * 1024 * 1024

/** The values of the file by name; null when there is no such file. `owner`: the only user who may be able to write it. */
export function readSettingsFile(
  file: string,
  owner: number | null = null,
): Result<ReadonlyMap<string, unknown> | null> {
  const text = readFile(file, owner)
  if (!text.ok) return text
  return text.value === null ? success(null) : parseFile(file, text.value)
}

/**
 * What changes whenever the file was written, replaced, made or removed: an edit in place moves the times, a rename over it the
 * inode. Rights are in it too, since they decide whether a file is believed (a change of them moves ctime).
 */
export function stampOf(file: string): string {
  try {
    const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false })
    if (stat === undefined) return 'absent'
    return [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
  } catch (error) {
    return errorCode(error) ?? 'unreadable'
  }
}

/** The text of a regular file of at most so many bytes; null when there is none. */
export function readBoundedText(file: string, maxBytes: number): Result<string | null> {
  return readFile(file, null, maxBytes)
}

/** The text of the file; null when there is none. */
function readFile(file: string, owner: number | null, maxBytes = MAX_FILE_BYTES): Result<string | null> {
  let descriptor: number | undefined
  try {
    // A FIFO of that name must not hold the program for ever.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | (owner === null ? 0 : constants.O_NOFOLLOW))
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return failed('GNO_SETTINGS_UNREADABLE', `${file} is not a regular file`)
    const stranger = owner === null ? null : strangerOf(file, stat, owner)
    if (stranger !== null) return failed('GNO_SETTINGS_UNREADABLE', stranger)
    if (stat.size > maxBytes)
      return failed('GNO_SETTINGS_UNREADABLE', `${file} has ${stat.size} bytes, limit ${maxBytes}`)
    const bytes = Buffer.alloc(stat.size)
    const read = readSync(descriptor, bytes, 0, bytes.length, 0)
    return success(bytes.toString('utf8', 0, read).replace(/^\ufeff/, ''))
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (code === 'ENOENT' || code === 'ENOTDIR') return success(null)
    return failed('GNO_SETTINGS_UNREADABLE', `${file}: ${code}`, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/**
 * Who else could have written the file, or put another one in its place: whoever can write one of the two folders of our own above it
 * (CWE-732). Null: nobody.
 */
function strangerOf(file: string, stat: Stats, owner: number): string | null {
  const folder = dirname(file)
  const places = [
    { path: file, at: stat },
    { path: folder, at: lstatSync(folder) },
    { path: dirname(folder), at: lstatSync(dirname(folder)) },
  ]
  for (const { path, at } of places) {
    if (at.uid !== owner) return `${path} belongs to user ${at.uid}, not to user ${owner}: this policy is not believed`
    if ((at.mode & 0o022) !== 0) return `${path} can be written by others: this policy is not believed`
  }
  return null
}

function parseFile(file: string, text: string): Result<ReadonlyMap<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return failed('GNO_SETTINGS_UNREADABLE', `${file} holds no JSON object`)
    return success(new Map(Object.entries(value)))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return failed('GNO_SETTINGS_UNREADABLE', `${file} is not JSON: ${error.message.split('\n')[0] ?? ''}`, error)
  }
}
