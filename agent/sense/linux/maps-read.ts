// Reads /proc/PID/maps: in one piece where it is as long as those of ordinary programs, sieved piece by piece where it is longer.
import { createMapsSieve } from './maps-sieve.ts'
import { keepMappings } from './maps-text.ts'
import { type Look, readInPieces, readText } from './proc-read.ts'

/** Some 10,000 mappings; browsers and PyTorch have a thousand or two. */
const MAX_WHOLE_BYTES = 1024 * 1024
/** The kernel allows 65,530 mappings a process: with paths of 1,000 characters each. Measured at 80 MB a second of one core. */
const MAX_PROCESS_BYTES = 64 * 1024 * 1024
/** Of all processes with more than MAX_WHOLE_BYTES in one look, so that a hundred of them stall none; the others wait (CWE-400). */
const MAX_LOOK_BYTES = 64 * 1024 * 1024

/** What one look may still spend on long mappings; the last one served may overdraw, so that each is read whole. */
export interface MapsRoom {
  bytes: number
}

export function roomForMaps(bytes = MAX_LOOK_BYTES): MapsRoom {
  return { bytes }
}

/** The lines worth keeping. `waits`: there was no room in this look for more than the beginning. */
export function readMaps(path: string, room: MapsRoom): Look<string> & { readonly waits?: boolean } {
  const whole = readText(path, MAX_WHOLE_BYTES)
  if (whole.kind !== 'seen') return whole
  if (!whole.isCut) return { ...whole, value: keepMappings(whole.value) }
  if (room.bytes <= 0) return { ...whole, value: keepMappings(whole.value), waits: true }
  const sieve = createMapsSieve()
  const read = readInPieces(path, MAX_PROCESS_BYTES, (piece) => sieve.take(piece))
  if (read.kind !== 'seen') return read
  room.bytes -= read.value
  const { text, isCut } = sieve.end()
  return { kind: 'seen', value: text, isCut: isCut || read.isCut }
}
