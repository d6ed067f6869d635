// The strings of a pack by which an engine or a product is known inside a binary of any name. Only measured ones: a string that nobody
// held against other binaries may be in any of them.
import type { BinaryStrings } from '../contract/product-facts.ts'
import type { Pack } from './pack.ts'

export interface PackSignature {
  /** Of an engine of the vocabulary, or of a runtime entry. */
  readonly id: string
  /** Every one of them is in the same file. */
  readonly all: readonly string[]
  /** And one of these, where there are some. */
  readonly any: readonly string[]
}

const made = new WeakMap<Pack, readonly PackSignature[]>()

/** The measured signatures of a pack; the same list each time. */
export function binarySignatures(pack: Pack): readonly PackSignature[] {
  const known = made.get(pack)
  if (known !== undefined) return known
  const engines = [...(pack.vocabulary.get('engines')?.values() ?? [])].map(({ id, strings }) =>
    signatureOf(id, strings),
  )
  const entries = pack.runtimes.map(({ id, strings }) => signatureOf(id, strings))
  const signatures = [...engines, ...entries].filter((signature) => signature !== null)
  made.set(pack, signatures)
  return signatures
}

function signatureOf(id: string, strings: BinaryStrings | undefined): PackSignature | null {
  if (strings?.measured === undefined) return null
  const { all = [], any = [] } = strings
  return all.length === 0 && any.length === 0 ? null : { id, all, any }
}
