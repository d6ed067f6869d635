// Rung 6 at a byte rate: SHA-256 of everything, slowly, so that nobody notices, and going on exactly where it stopped. The state of
// node:crypto cannot be saved, so this takes a hasher in WebAssembly: slower, which does not matter at a paced rate.
//
// saved state, one line of text
// sha256p1.POSITION.STATE.SEAL
// POSITION  bytes digested, decimal
// STATE     of the hasher, Base64
// SEAL      SHA-256 of all before it and of the file's identity: a damaged or foreign state must not become a wrong digest
import { createHash } from 'node:crypto'
import type { IHasher } from 'hash-wasm'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'
import { readAt, troubleOf } from './cursor.ts'
import { describeChange } from './digest-file.ts'

const SCHEME = 'sha256p1'
/** One to two milliseconds of hashing, then others may run. */
const PIECE_BYTES = 262_144
/** What a kill costs at most: a few seconds of work, for one small write to disk. */
const SAVE_EVERY_BYTES = 268_435_456
/** A state has 116 bytes; a text much longer than that is not one (CWE-789). */
const MAX_SAVED_CHARS = 1_024
/** A machine that slept does not make up for it at full speed. */
const MAX_BEHIND_MS = 1_000

export interface PacedOptions {
  readonly bytesPerSecond: number
  readonly signal: AbortSignal
  /** What `onSave` was given last for this file; null to begin. A text that does not fit this file is as good as none. */
  readonly saved: string | null
  readonly onSave: (saved: string) => void
  readonly saveEveryBytes?: number
  /** Milliseconds that never go back. */
  readonly now: () => number
  /** Waits; ends early, without throwing, when the signal is aborted. */
  readonly sleep: (milliseconds: number) => Promise<void>
}

/** Digests the whole file, or fails with GNO_READ_CHANGED, GNO_READ_IO or, when stopped, GNO_READ_SKIPPED with its state saved. */
export async function digestPaced(file: OpenedFile, options: PacedOptions): Promise<Result<string>> {
  // Loaded on first use: most runs of the agent never hash in the background.
  const { createSHA256 } = await import('hash-wasm')
  const hasher = await createSHA256()
  try {
    return await digestPieces(file, hasher, options)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    return { ok: false, failure }
  }
}

async function digestPieces(file: OpenedFile, hasher: IHasher, options: PacedOptions): Promise<Result<string>> {
  const { sizeBytes } = file.identity
  const { signal, saveEveryBytes = SAVE_EVERY_BYTES } = options
  const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, sizeBytes)))
  let position = resume(hasher, file.identity, options.saved)
  let savedAt = position
  let dueMs = options.now()
  while (position < sizeBytes) {
    const isStopped = signal.aborted
    if (position - savedAt >= saveEveryBytes || (isStopped && position > savedAt)) {
      options.onSave(describeState(hasher, file.identity, position))
      savedAt = position
    }
    if (isStopped) return failed('GNO_READ_SKIPPED', `rung 6 stopped at byte ${position} on request`)
    const wanted = Math.min(piece.length, sizeBytes - position)
    const done = readAt(file, position, piece.subarray(0, wanted))
    if (done < wanted)
      return failed('GNO_READ_CHANGED', `the file shrank to ${position + done} bytes while it was read`)
    hasher.update(piece.subarray(0, done))
    position += done
    dueMs = Math.max(dueMs + (done / options.bytesPerSecond) * 1000, options.now() - MAX_BEHIND_MS)
    await options.sleep(Math.max(0, dueMs - options.now()))
  }
  const change = describeChange(file.identity, file.sampleIdentity())
  return change === null ? success(hasher.digest('hex')) : failed('GNO_READ_CHANGED', change)
}

/** Puts the hasher where the saved text says, or at the beginning; gives the position. */
function resume(hasher: IHasher, identity: FileIdentity, saved: string | null): number {
  const found = saved === null ? null : parseState(saved, identity)
  hasher.init()
  if (found === null) return 0
  try {
    hasher.load(found.state)
    return found.position
  } catch {
    // Of another build of the hasher: it refuses a state that it did not write. Nothing is lost but time.
    hasher.init()
    return 0
  }
}

function describeState(hasher: IHasher, identity: FileIdentity, position: number): string {
  const text = `${SCHEME}.${position}.${Buffer.from(hasher.save()).toString('base64')}`
  return `${text}.${sealOf(text, identity)}`
}

interface PacedState {
  readonly position: number
  readonly state: Uint8Array
}

function parseState(saved: string, identity: FileIdentity): PacedState | null {
  if (saved.length > MAX_SAVED_CHARS) return null
  const [scheme, decimal = '', base64 = '', seal, ...rest] = saved.split('.')
  if (scheme !== SCHEME || rest.length > 0 || seal !== sealOf(`${SCHEME}.${decimal}.${base64}`, identity)) return null
  const position = Number(decimal)
  if (!Number.isSafeInteger(position) || position < 0 || position > identity.sizeBytes) return null
  return { position, state: Buffer.from(base64, 'base64') }
}

function sealOf(text: string, identity: FileIdentity): string {
  const { dev, inode, sizeBytes, mtimeNs, ctimeNs } = identity
  return createHash('sha256').update([text, dev, inode, sizeBytes, mtimeNs, ctimeNs].join('\n')).digest('hex')
}
