// Opening a path without being led astray (DESIGN.md section 6): component by component, following no link, reading
// nothing that is not a regular file.
// The one exception is what a person typed: `gnomon inspect model` where `model` is a link means the file behind it. So an
// operand is resolved once, as a whole (resolveOperand); everything below it, and everything swept, is opened strictly.
import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { CandidateFile, FileIdentity } from '../../../contract/observation.ts'
import { bytesOf, joinBytes, readablePath } from '../path-text.ts'
import { type HeldFolder, holdAgain, openFolder, pathIn } from './held-folder.ts'
import { identityOf, openRegular, refusal } from './open-regular.ts'
import { type LocalFile, openedFile } from './opened-file.ts'
import { systemFailure } from './system-failure.ts'

/** Resolves what a person typed, links included, once. */
export function resolveOperand(operand: string): Result<string> {
  const absolute = resolve(operand)
  try {
    return success(realpathSync(absolute))
  } catch (error) {
    const trouble = systemFailure(error, absolute)
    if (trouble.failure.code !== 'GNO_SENSE_VANISHED') return trouble
    return failed('GNO_NOT_FOUND', `there is no file or folder ${absolute}`, error)
  }
}

/**
 * Opens a regular file by an absolute path for reading. No component may be a link: whoever has a path from a person
 * calls resolveOperand first. FIFO, socket, device, folder and link give GNO_SENSE_NOT_A_FILE and are never opened.
 */
export function openFile(path: string): Result<LocalFile> {
  const folder = openFolder(dirname(path))
  if (!folder.ok) return folder
  try {
    return openFileIn(folder.value, bytesOf(basename(path)))
  } finally {
    folder.value.close()
  }
}

/** Opens a regular file by its name (byte form) in a held folder; with `expected`, only when it is still that very file. */
export function openFileIn(folder: HeldFolder, name: string, expected?: FileIdentity): Result<LocalFile> {
  const path = readablePath(joinBytes(folder.bytes, name))
  const again = holdAgain(folder)
  if (!again.ok) return again
  const opened = openRegular(pathIn(folder, name), path)
  if (!opened.ok) {
    again.value.close()
    return opened
  }
  const file = openedFile(opened.value, path, again.value, openFileIn)
  if (expected === undefined || isSameFile(expected, file.identity)) return success(file)
  file.close()
  return failed('GNO_SENSE_VANISHED', `${path} is another file than a moment before`)
}

/** True when two looks met the same inode; size and times may have moved. */
export function isSameFile(
  one: Pick<FileIdentity, 'dev' | 'inode'>,
  other: Pick<FileIdentity, 'dev' | 'inode'>,
): boolean {
  return one.dev === other.dev && one.inode === other.inode
}

/** One file that a person named, as a candidate: the shape that a walk yields. Its path is the resolved one. */
export function candidateAt(operand: string): Result<CandidateFile> {
  const resolved = resolveOperand(operand)
  if (!resolved.ok) return resolved
  const path = resolved.value
  try {
    const stat = lstatSync(path, { bigint: true })
    if (!stat.isFile()) return refusal(stat, path)
    return success({ name: basename(path), path, identity: identityOf(stat), open: () => openFile(path) })
  } catch (error) {
    return systemFailure(error, path)
  }
}
