// Reads the settings file: bounded, a regular file, one JSON object.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../report/error-text.ts'
import { type Result, failed, success } from '../../contract/failure.ts'

/** A settings file with ten thousand approvals has about 2 MB; more is not a settings file (CWE-770). */
const MAX_FILE_BYTES = 8 * 1024 * 1024

/** The values of the file by name; null when there is no such file. */
export function readSettingsFile(file: string): Result<ReadonlyMap<string, unknown> | null> {
  const text = readFile(file)
  if (!text.ok) return text
  return text.value === null ? success(null) : parseFile(file, text.value)
}

/** The text of the file; null when there is none. */
function readFile(file: string): Result<string | null> {
  let descriptor: number | undefined
  try {
    // A FIFO of that name must not hold the program for ever.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return failed('GNO_SETTINGS_UNREADABLE', `${file} is not a regular file`)
    if (stat.size > MAX_FILE_BYTES)
      return failed('GNO_SETTINGS_UNREADABLE', `${file} has ${stat.size} bytes, limit ${MAX_FILE_BYTES}`)
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
