// Rung 6: SHA-256 of everything, in the background: read in pieces, other work in between, stopped by the signal.
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'
import { readAt, troubleOf } from './cursor.ts'

/** Larger pieces are no faster (feasibility.md section 6); each takes about a millisecond, then others may run. */
const PIECE_BYTES = 1_048_576

/** Digests the whole file, or fails with GNO_READ_CHANGED, GNO_READ_IO or, when stopped, GNO_READ_SKIPPED. */
export async function digestFile(
  file: OpenedFile,
  signal: AbortSignal,
  onPiece: (bytesRead: number) => void = () => undefined,
): Promise<Result<string>> {
  try {
    return await digestPieces(file, signal, onPiece)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    return { ok: false, failure }
  }
}

async function digestPieces(
  file: OpenedFile,
  signal: AbortSignal,
  onPiece: (bytesRead: number) => void,
): Promise<Result<string>> {
  const hash = createHash('sha256')
  const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, file.identity.sizeBytes)))
  let position = 0
  while (position < file.identity.sizeBytes) {
    if (signal.aborted) return failed('GNO_READ_SKIPPED', `rung 6 stopped at byte ${position} on request`)
    // One byte more than declared is never asked for: a file that grows is seen by its identity below.
    const wanted = Math.min(piece.length, file.identity.sizeBytes - position)
    const done = readAt(file, position, piece.subarray(0, wanted))
    if (done < wanted)
      return failed('GNO_READ_CHANGED', `the file shrank to ${position + done} bytes while it was read`)
    hash.update(piece.subarray(0, done))
    position += done
    onPiece(position)
    await setImmediate()
  }
  const change = describeChange(file.identity, file.sampleIdentity())
  return change === null ? success(hash.digest('hex')) : failed('GNO_READ_CHANGED', change)
}

/** Names the first field in which two looks at a file differ, or null when it is the same. */
export function describeChange(before: FileIdentity, after: FileIdentity): string | null {
  if (before.dev !== after.dev || before.inode !== after.inode) return 'another file took its place while it was read'
  if (before.sizeBytes !== after.sizeBytes) {
    return `the size went from ${before.sizeBytes} to ${after.sizeBytes} while it was read`
  }
  if (before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs) return 'it was written to while it was read'
  return null
}
