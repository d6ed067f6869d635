// A part of an opened file as a file of its own, for who only wants its bytes.
import type { OpenedFile } from '../../contract/observation.ts'

/** The caller closes the file on disk. */
export function partOfFile(file: OpenedFile, start: number, sizeBytes: number): OpenedFile {
  const { identity } = file
  return {
    ...file,
    identity: { ...identity, sizeBytes },
    inside: { start, container: '', identity },
    sampleIdentity() {
      const now = file.sampleIdentity()
      return now.sizeBytes === identity.sizeBytes ? { ...now, sizeBytes } : now
    },
    close: () => undefined,
  }
}
