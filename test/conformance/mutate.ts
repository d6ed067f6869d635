// Damages bytes in the ways in which files lie: turned bits, lost and added bytes, lengths at their limits, halves of other places.

/** Fields at the limits of their width: what a length, a count or a place may claim. */
const EXTREMES: readonly Buffer[] = [
  ...['ffffffff', 'ffffff7f', '7fffffff', '00000080', '00000000', 'ffffffffffffffff', 'ffffffffffffff7f'],
  ...['7fffffffffffffff', '0000000000000080', 'ffffffffffff1f00', 'ffff', 'ff7f', '7f', 'ff', '0000000001000000'],
].map((hex) => Buffer.from(hex, 'hex'))

/** Turns one to three bits. */
export function turnBits(bytes: Buffer, next: (limit: number) => number): Buffer {
  const turned = Buffer.from(bytes)
  for (let turns = 1 + next(3); turns > 0; turns -= 1) {
    const at = next(bytes.length)
    turned[at] = (turned[at] ?? 0) ^ (1 << next(8))
  }
  return turned
}

type Damage = (bytes: Buffer, next: (limit: number) => number) => Buffer

const DAMAGES: readonly Damage[] = [
  // A field that claims as much as it can hold.
  (bytes, next) => {
    const field = EXTREMES[next(EXTREMES.length)] ?? Buffer.alloc(0)
    const damaged = Buffer.from(bytes)
    field.copy(damaged, next(bytes.length))
    return damaged
  },
  // Bytes that came in between.
  (bytes, next) => {
    const at = next(bytes.length + 1)
    const added = Buffer.from(Array.from({ length: 1 + next(16) }, () => next(256)))
    return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)])
  },
  // Bytes that got lost.
  (bytes, next) => {
    const at = next(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(16))])
  },
  // A piece that is there twice.
  (bytes, next) => {
    const at = next(bytes.length)
    const piece = bytes.subarray(at, at + 1 + next(64))
    const to = next(bytes.length)
    return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)])
  },
  // A piece in the place of another one.
  (bytes, next) => {
    const damaged = Buffer.from(bytes)
    const from = next(bytes.length)
    bytes.copy(damaged, next(bytes.length), from, from + 1 + next(32))
    return damaged
  },
]

/** Damages a copy in one of the ways. */
export function damage(bytes: Buffer, next: (limit: number) => number): Buffer {
  return DAMAGES[next(DAMAGES.length)]?.(bytes, next) ?? bytes
}
