// The first names of a folder of the kernel, one after the other: a process may hold a million descriptors, and a list of all of
// them would be made before it could be cut (CWE-770).
import { opendirSync } from 'node:fs'

/** At most so many names; throws what the system throws. */
export function* firstNames(folder: string, limit: number): Generator<string> {
  const listing = opendirSync(folder, { bufferSize: 256 })
  try {
    let entry = listing.readSync()
    for (let count = 0; count < limit && entry !== null; count += 1) {
      yield entry.name
      entry = listing.readSync()
    }
  } finally {
    listing.closeSync()
  }
}
