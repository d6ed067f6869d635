// The copy of the identity beside the database. It is read only when a damaged database was set aside: without it, one bad
// sector would un-enrol a machine, and nobody would hear from it again.
import type { Database } from 'better-sqlite3'
import { closeSync, constants, fsyncSync, lstatSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Result, failed, success } from '../../contract/failure.ts'
import { errorCode, errorText } from './error-text.ts'
import { readMeta, writeCounter, writeMeta } from './meta.ts'
import { isRecord, parseJson } from './sweep-record.ts'

const FILE_NAME = 'identity.json'
const MAX_BYTES = 64 * 1024
/**
 * The number of the last report went down with the database. Beginning far above any real one makes the collector answer with
 * the number that it expects; beginning at 1 would make it take new reports for doubles of old ones and drop them.
 */
const RECOVERY_SEQUENCE = 2 ** 40

/** Writes the copy through a rename, so that a crash leaves the old one or the new one. */
export function saveIdentityCopy(database: Database, folder: string): Result<void> {
  const text = JSON.stringify({ hostId: readMeta(database, 'hostId'), enrolment: readMeta(database, 'enrolment') })
  const draft = join(folder, `${FILE_NAME}.${process.pid}.tmp`)
  try {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
    const descriptor = openSync(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      writeSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(draft, join(folder, FILE_NAME))
    return success(undefined)
  } catch (error) {
    if (errorCode(error) === null) throw error
    return failed('GNO_STATE_UNUSABLE', `cannot write ${draft}: ${errorText(error)}`, error)
  }
}

/** Puts the copied identity into a new database; nothing when there is no usable copy. */
export function restoreIdentityCopy(database: Database, folder: string): void {
  const value = parseJson(readCopy(join(folder, FILE_NAME)))
  if (!isRecord(value)) return
  const { hostId, enrolment } = value
  if (typeof hostId === 'string') writeMeta(database, 'hostId', hostId)
  if (typeof enrolment !== 'string') return
  writeMeta(database, 'enrolment', enrolment)
  writeCounter(database, 'nextSequence', RECOVERY_SEQUENCE)
  writeCounter(database, 'sentSequence', RECOVERY_SEQUENCE - 1)
}

function readCopy(file: string): string {
  const stat = lstatSync(file, { throwIfNoEntry: false })
  return stat?.isFile() === true && stat.size <= MAX_BYTES ? readFileSync(file, 'utf8') : ''
}
