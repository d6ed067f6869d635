// Where unpacked bytes go: never longer than a limit, whatever the packed stream claims (CWE-409).

/** Room that is taken at first; it doubles as far as the limit. */
const FIRST_ROOM_BYTES = 65_536

/** What an unpacker gave, and why it gave no more. */
export interface Unpacked {
  readonly bytes: Uint8Array
  /** `limit`: there is more than was wanted. `cut`: the packed bytes ended, or are damaged. */
  readonly end: 'whole' | 'limit' | 'cut'
}

/** What was unpacked so far, which is also the dictionary of what follows. */
export class HeadOutput {
  readonly limit: number
  #room: Uint8Array
  length = 0

  constructor(limit: number) {
    this.limit = limit
    this.#room = new Uint8Array(Math.min(limit, FIRST_ROOM_BYTES))
  }

  get isFull(): boolean {
    return this.length === this.limit
  }

  /** A byte that was put out before; 0 where there is none. */
  at(index: number): number {
    return this.#room[index] ?? 0
  }

  put(byte: number): void {
    if (this.isFull) return
    if (this.length === this.#room.length) this.#grow(this.length + 1)
    this.#room[this.length] = byte
    this.length += 1
  }

  literals(bytes: Uint8Array): void {
    const fitting = bytes.subarray(0, this.limit - this.length)
    this.#grow(this.length + fitting.length)
    this.#room.set(fitting, this.length)
    this.length += fitting.length
  }

  /** Repeats what lies `distance` back; the two may overlap. False when nothing lies there. */
  repeat(distance: number, count: number): boolean {
    if (distance <= 0 || distance > this.length) return false
    const end = Math.min(this.length + count, this.limit)
    this.#grow(end)
    for (; this.length < end; this.length += 1) this.#room[this.length] = this.#room[this.length - distance] ?? 0
    return true
  }

  bytes(): Uint8Array {
    return this.#room.subarray(0, this.length)
  }

  #grow(wanted: number): void {
    if (wanted <= this.#room.length) return
    const larger = new Uint8Array(Math.min(this.limit, Math.max(wanted, this.#room.length * 2)))
    larger.set(this.bytes())
    this.#room = larger
  }
}
