// Tells the secrets of one text of a file, masked, with their places.
import { findSecrets } from './find-secrets.ts'
import type { LoadReport } from './load-report.ts'

/** A text of metadata, and where it lies. Latin-1, so that a character is a byte. */
export interface MetadataText {
  readonly text: string
  /** Byte of its first character, in the member where there is one. */
  readonly at: number
  /** The setting whose whole value it is. */
  readonly name?: string
  /** Member of an archive, or file of the model. */
  readonly member?: string
}

/** Every secret, personal path and inner address in the text. */
export function tellSecrets({ text, at, name, member }: MetadataText, report: LoadReport): void {
  for (const found of findSecrets(text, name)) {
    report.tell({
      kind: 'metadata',
      name: found.name,
      shown: found.shown,
      at: at + found.start,
      ...(member === undefined ? {} : { member }),
    })
  }
}
