// What the recognisers see of a file: its first bytes, and on demand a few more, its neighbours and the list of an archive.
// Everything is read once and bounded, so that fifty formats can ask about half a million files.
import type { OpenedFile } from '../../contract/observation.ts'
import { type ByteSource, Cursor, fileBytes, readAt, troubleOf } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { type TarDirectory, readTar } from './tar.ts'
import { type ZipDirectory, readZip } from './zip.ts'

/** Enough for every magic number and for the words of a safetensors header whose length lies. */
const HEAD_BYTES = 4_096
/** Largest single look beyond the head, and all looks at one file together. */
const MAX_LOOK_BYTES = 65_536
const MAX_LOOKED_BYTES = 4_194_304
/** An archive of this many bytes of directory lists 65,536 members; the budget of one recognition (CWE-400). */
const ZIP_BUDGET = { bytes: 16_777_216, steps: 4_194_304 }

const ZIP_HEAD = 'PK\u0003\u0004'
const ZIP_EMPTY_HEAD = 'PK\u0005\u0006'
const ZIP_END = 'PK\u0005\u0006'
const ZIP_END_BYTES = 22

/** One file as the recognisers see it. Throws ReadTrouble when the system refuses a read. */
export class Look {
  /** The name without its folder. Decides what is tried first and proves nothing. */
  readonly name: string
  readonly source: ByteSource
  readonly sizeBytes: number
  /** The first bytes, at most 4 KiB. A Buffer, so that nobody makes one of his own to read a number. */
  readonly head: Buffer
  readonly #file: OpenedFile | null
  #headText: string | undefined
  #looked = 0
  #zip: ZipDirectory | null | undefined
  #tar: TarDirectory | null | undefined

  constructor(source: ByteSource, name: string, file: OpenedFile | null = null) {
    this.source = source
    this.name = name
    this.sizeBytes = source.sizeBytes
    this.#file = file
    // Not cleared: nobody sees more of it than was read.
    const buffer = Buffer.allocUnsafe(Math.min(HEAD_BYTES, source.sizeBytes))
    const count = source.read(0, buffer)
    this.head = count === buffer.length ? buffer : buffer.subarray(0, count)
  }

  /** Up to `count` bytes at a place; fewer at the end of the file, none once the looks at this file are used up. */
  at(position: number, count: number): Uint8Array {
    const wanted = Math.min(count, MAX_LOOK_BYTES, Math.max(0, this.sizeBytes - position))
    if (!Number.isSafeInteger(position) || position < 0 || wanted <= 0) return new Uint8Array(0)
    if (position + wanted <= this.head.length) return this.head.subarray(position, position + wanted)
    if (this.#looked + wanted > MAX_LOOKED_BYTES) return new Uint8Array(0)
    this.#looked += wanted
    const buffer = new Uint8Array(wanted)
    return buffer.subarray(0, this.source.read(position, buffer))
  }

  /** The first bytes as Latin-1 text, for magic words. */
  text(position: number, count: number): string {
    if (position >= 0 && position + count <= this.head.length) {
      this.#headText ??= this.head.toString('latin1')
      return this.#headText.slice(position, position + count)
    }
    return Buffer.from(this.at(position, count)).toString('latin1')
  }

  /** The directory of a zip archive, whether the file is one or carries one at its end; null when there is none. */
  zip(): ZipDirectory | null {
    // Null is an answer, too: a damaged directory is not read again for every format.
    if (this.#zip === undefined) this.#zip = this.#looksLikeZip() ? this.#attempt((cursor) => readZip(cursor)) : null
    return this.#zip
  }

  /** The members of a tar archive; null when this is none. */
  tar(): TarDirectory | null {
    if (this.#tar === undefined) {
      this.#tar = this.text(257, 5) === 'ustar' ? this.#attempt((cursor) => readTar(cursor)) : null
    }
    return this.#tar
  }

  /** The first 64 KiB of a neighbour in the same folder; null when it is absent or this is no file of a folder. */
  sibling(name: string): Uint8Array | null {
    const opened = this.#file?.openSibling(name) ?? null
    if (opened === null) return null
    try {
      const buffer = new Uint8Array(Math.min(MAX_LOOK_BYTES, opened.identity.sizeBytes))
      return buffer.subarray(0, readAt(opened, 0, buffer))
    } catch (error) {
      // A neighbour that cannot be read says nothing about this file.
      if (troubleOf(error) !== undefined) return null
      throw error
    } finally {
      opened.close()
    }
  }

  /** The folder it lies in; null where this is no file of a folder. */
  get folder(): string | null {
    return this.#file === null ? null : this.#file.path.replace(/[/\\][^/\\]*$/, '')
  }

  /** Names of the files beside this one. */
  siblings(): readonly string[] {
    return this.#file?.listSiblings() ?? []
  }

  /** Opens a neighbour for reading in full; the caller closes it. */
  openSibling(name: string): OpenedFile | null {
    return this.#file?.openSibling(name) ?? null
  }

  #looksLikeZip(): boolean {
    const magic = this.text(0, 4)
    if (magic === ZIP_HEAD || magic === ZIP_EMPTY_HEAD) return true
    // A program with an archive at its end; a longer comment after it would cost 64 KiB for every executable.
    const isProgram = magic.startsWith('MZ') || magic === '\u007fELF' || magic.startsWith('#!')
    return isProgram && this.text(this.sizeBytes - ZIP_END_BYTES, 4) === ZIP_END
  }

  #attempt<T>(read: (cursor: Cursor) => T | null): T | null {
    // What is wrong with the archive is told by whoever reads it in full.
    return new GapList('').attempt(() => read(new Cursor(this.source, ZIP_BUDGET))) ?? null
  }
}

/** A look at an opened file. */
export function lookAt(file: OpenedFile): Look {
  const name = file.name ?? file.path.split(/[/\\]/).at(-1) ?? ''
  return new Look(fileBytes(file), name, file)
}
