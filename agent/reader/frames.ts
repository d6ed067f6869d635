// What goes over the pipe between the worker and the reader: a head in JSON, and bytes behind it.
//
// frame
//  0 bytes of the head 4, little-endian | bytes of the data 4 | head, one JSON object in UTF-8 | data
//
// The worker believes nothing of what the reader writes: it may have been taken over by a file. The reader believes the worker.

const PREFIX_BYTES = 8

/** What one frame may have (CWE-770). */
export interface FrameLimits {
  readonly headBytes: number
  readonly dataBytes: number
}

/** From the reader: a few thousand places to read at; a draft, of which as much is kept between sweeps (agent/recall-drafts.ts). */
export const FROM_READER: FrameLimits = { headBytes: 1_048_576, dataBytes: 16_777_216 }
/** From the worker: the names of a folder, each as long as a path may be; bytes of files come in smaller pieces. */
export const FROM_WORKER: FrameLimits = { headBytes: 67_108_864, dataBytes: 16_777_216 }

export type Head = Readonly<Record<string, unknown>>

export interface Frame {
  readonly head: Head
  readonly data: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** One frame as bytes. */
export function frameBytes(head: Head, data: Uint8Array = NOTHING): Buffer {
  const text = JSON.stringify(head)
  const headBytes = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + headBytes + data.length)
  bytes.writeUInt32LE(headBytes, 0)
  bytes.writeUInt32LE(data.length, 4)
  bytes.write(text, PREFIX_BYTES, 'utf8')
  bytes.set(data, PREFIX_BYTES + headBytes)
  return bytes
}

/** Cuts a stream of bytes into frames. */
export class FrameCutter {
  readonly #limits: FrameLimits
  #held: Buffer = Buffer.alloc(0)
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(limits: FrameLimits) {
    this.#limits = limits
  }

  /** Bytes that wait for the rest of their frame, or to be taken. */
  get heldBytes(): number {
    return this.#bytes
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
  }

  /** The next whole frame; null while there is none. Throws for what is none. Its data is a view of what was added. */
  take(): Frame | null {
    if (this.#bytes < PREFIX_BYTES) return null
    this.#join(PREFIX_BYTES)
    const headBytes = this.#held.readUInt32LE(0)
    const dataBytes = this.#held.readUInt32LE(4)
    if (headBytes > this.#limits.headBytes || dataBytes > this.#limits.dataBytes)
      throw new Error(`a frame of ${headBytes} and ${dataBytes} bytes`)
    const whole = PREFIX_BYTES + headBytes + dataBytes
    if (this.#bytes < whole) return null
    this.#join(whole)
    const head = headOf(this.#held.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes))
    const data = this.#held.subarray(PREFIX_BYTES + headBytes, whole)
    this.#held = this.#held.subarray(whole)
    this.#bytes -= whole
    return { head, data }
  }

  /** Makes the first bytes lie in one piece: joined once a frame, however many pieces it came in. */
  #join(count: number): void {
    if (this.#held.length >= count) return
    this.#held = this.#pieces.length === 1 && this.#held.length === 0 ? first(this.#pieces) : this.#joined()
    this.#pieces = []
  }

  #joined(): Buffer {
    return Buffer.concat([this.#held, ...this.#pieces])
  }
}

function first(pieces: readonly Buffer[]): Buffer {
  return pieces[0] ?? Buffer.alloc(0)
}

export function headOf(text: string): Head {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('a head that is no JSON')
  }
  if (!isHead(value)) throw new Error('a head that is no object')
  return value
}

export function isHead(value: unknown): value is Head {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
