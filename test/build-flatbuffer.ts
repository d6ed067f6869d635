// Builds flatbuffers for tests from plain lists of fields, and says where each named field lies, so that a test can make it lie.
// Layout: google/flatbuffers:docs/source/internals.md; every offset points forward, tables are written breadth first.

type Width = 'int8' | 'uint8' | 'int32' | 'uint32' | 'int64' | 'uint64'

/** One field of a table. `name` makes its place known to the test. */
export type FlatField = (
  | { readonly kind: Width; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'table'; readonly value: FlatTableSpec }
  | { readonly kind: 'tables'; readonly value: readonly FlatTableSpec[] }
  | { readonly kind: 'texts'; readonly value: readonly string[] }
  /** `count` is the number of elements where they are wider than a byte. */
  | { readonly kind: 'bytes'; readonly value: Uint8Array; readonly count: number }
) & { readonly name?: string }

/** Fields by their number in the schema; null leaves one out. */
export type FlatTableSpec = readonly (FlatField | null)[]

export interface BuiltFlatbuffer {
  readonly bytes: Buffer
  /** Name -> where the field stands in its table, and where what it points to begins (the count of a vector). */
  readonly places: ReadonlyMap<string, { readonly slot: number; readonly target: number }>
}

const WIDTHS: Readonly<Record<Width, number>> = { int8: 1, uint8: 1, int32: 4, uint32: 4, int64: 8, uint64: 8 }

/** A number of a named width. */
export function number(kind: Width, value: number, name?: string): FlatField {
  return name === undefined ? { kind, value } : { kind, value, name }
}
/** A string. */
export function text(value: string, name?: string): FlatField {
  return name === undefined ? { kind: 'text', value } : { kind: 'text', value, name }
}
/** A table of its own. */
export function table(value: FlatTableSpec, name?: string): FlatField {
  return name === undefined ? { kind: 'table', value } : { kind: 'table', value, name }
}
/** A vector of tables. */
export function tables(value: readonly FlatTableSpec[], name?: string): FlatField {
  return name === undefined ? { kind: 'tables', value } : { kind: 'tables', value, name }
}
/** A vector of strings. */
export function texts(value: readonly string[]): FlatField {
  return { kind: 'texts', value }
}
/** A vector of bytes. */
export function bytes(value: Uint8Array, name?: string): FlatField {
  return elements(value, value.length, name)
}
/** A vector of 32-bit numbers. */
export function ints(values: readonly number[], name?: string): FlatField {
  return elements(numbersOf(values, 4), values.length, name)
}
/** A vector of 64-bit numbers. */
export function longs(values: readonly number[], name?: string): FlatField {
  return elements(numbersOf(values, 8), values.length, name)
}

function elements(value: Uint8Array, count: number, name?: string): FlatField {
  return name === undefined ? { kind: 'bytes', value, count } : { kind: 'bytes', value, count, name }
}

function numbersOf(values: readonly number[], width: 4 | 8): Buffer {
  const buffer = Buffer.alloc(values.length * width)
  values.forEach((value, index) => {
    if (width === 4) buffer.writeInt32LE(value | 0, index * 4)
    else buffer.writeBigInt64LE(BigInt(value), index * 8)
  })
  return buffer
}

/** Bytes that grow, with numbers written into them later. */
class Sheet {
  bytes = Buffer.alloc(0)

  append(part: Uint8Array, align = 4): number {
    const padding = (align - (this.bytes.length % align)) % align
    const at = this.bytes.length + padding
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(padding), part])
    return at
  }
}

interface Pending {
  readonly field: FlatField
  readonly slot: number
}

/** The bytes of a flatbuffer; `header` stands between the identifier and the first table, as ExecuTorch's does. */
export function buildFlatbuffer(
  root: FlatTableSpec,
  options: { readonly identifier?: string; readonly header?: Uint8Array } = {},
): BuiltFlatbuffer {
  const sheet = new Sheet()
  const places = new Map<string, { slot: number; target: number }>()
  sheet.append(Buffer.alloc(4))
  if (options.identifier !== undefined) sheet.append(Buffer.from(options.identifier, 'latin1'))
  if (options.header !== undefined) sheet.append(options.header)
  const pending: Pending[] = [{ field: table(root), slot: 0 }]
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const target = place(next.field, sheet, pending)
    sheet.bytes.writeUInt32LE(target - next.slot, next.slot)
    if (next.field.name !== undefined) places.set(next.field.name, { slot: next.slot, target })
  }
  return { bytes: sheet.bytes, places }

  function place(field: FlatField, into: Sheet, later: Pending[]): number {
    switch (field.kind) {
      case 'text':
        return into.append(Buffer.concat([countOf(Buffer.byteLength(field.value)), Buffer.from(`${field.value}\0`)]))
      case 'bytes':
        return into.append(Buffer.concat([countOf(field.count), field.value]))
      case 'texts':
        return placeVector(
          into,
          later,
          field.value.map((value) => text(value)),
        )
      case 'tables':
        return placeVector(
          into,
          later,
          field.value.map((value) => table(value)),
        )
      case 'table':
        return placeTable(field.value, into, later, places)
      default:
        throw new Error('a number has its place in its table')
    }
  }
}

function isNumber(field: FlatField): field is FlatField & { readonly kind: Width; readonly value: number } {
  return field.kind in WIDTHS
}

function countOf(count: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(count)
  return buffer
}

function placeVector(sheet: Sheet, later: Pending[], members: readonly FlatField[]): number {
  const at = sheet.append(Buffer.concat([countOf(members.length), Buffer.alloc(members.length * 4)]))
  members.forEach((field, index) => later.push({ field, slot: at + 4 + index * 4 }))
  return at
}

function placeTable(
  spec: FlatTableSpec,
  sheet: Sheet,
  later: Pending[],
  places: Map<string, { slot: number; target: number }>,
): number {
  const slots: number[] = []
  let tableBytes = 4
  for (const field of spec) {
    const width = field === null ? 0 : isNumber(field) ? WIDTHS[field.kind] : 4
    if (width > 0) tableBytes = Math.ceil(tableBytes / width) * width
    slots.push(width === 0 ? 0 : tableBytes)
    tableBytes += width
  }
  const vtable = Buffer.alloc(4 + spec.length * 2)
  vtable.writeUInt16LE(vtable.length, 0)
  vtable.writeUInt16LE(tableBytes, 2)
  slots.forEach((slot, index) => vtable.writeUInt16LE(slot, 4 + index * 2))
  const vtableAt = sheet.append(vtable)
  const at = sheet.append(Buffer.alloc(tableBytes))
  sheet.bytes.writeInt32LE(at - vtableAt, at)
  spec.forEach((field, index) => {
    const slot = at + (slots[index] ?? 0)
    if (field === null) return
    if (!isNumber(field)) {
      later.push({ field, slot })
      return
    }
    writeNumber(sheet.bytes, field.kind, field.value, slot)
    if (field.name !== undefined) places.set(field.name, { slot, target: slot })
  })
  return at
}

function writeNumber(target: Buffer, kind: Width, value: number, at: number): void {
  const width = WIDTHS[kind]
  if (width === 1) target.writeUInt8(value & 0xff, at)
  else if (width === 4) target.writeUInt32LE(value >>> 0, at)
  else target.writeBigInt64LE(BigInt(value), at)
}
