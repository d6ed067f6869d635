// Reads the key of the pseudonyms. Whoever has it can try names, so it must be readable by nobody but this account.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type Result, failed, success } from '../../contract/failure.ts'
import { errorCode } from '../report/error-text.ts'

/** As long as the output of the hash (RFC 2104 section 3). */
const MIN_KEY_BYTES = 32
const MAX_KEY_BYTES = 4_096

/** The bytes of the file, without the line end that an editor leaves. */
export function readPseudonymKey(file: string): Result<Uint8Array> {
  const refuse = (detail: string, cause?: unknown): Result<never> =>
    failed('GNO_SETTINGS_UNREADABLE', `pseudonymKeyFile ${file}: ${detail}`, cause)
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return refuse('not a regular file')
    // Windows has no such modes; there the folder protects the file.
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) return refuse('other accounts can read it')
    if (stat.size > MAX_KEY_BYTES + 2) return refuse(`${stat.size} bytes, limit ${MAX_KEY_BYTES}`)
    const bytes = Buffer.alloc(stat.size)
    const read = bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0))
    const key = withoutLineEnd(read)
    return key.length < MIN_KEY_BYTES
      ? refuse(`${key.length} bytes, at least ${MIN_KEY_BYTES} are needed`)
      : success(key)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return refuse(code, error)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1
  return bytes.subarray(0, end)
}
