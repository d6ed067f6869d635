// Every word that a sample writes becomes one of 4,096 bytes, full of controls and of marks that turn the direction of writing, with
// the lengths around it kept true as far as they can be found: formats that lay out by place are patched by their builders.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { READ_BUDGET } from '../../agent/read/read-budget.ts'
import { buildBurn } from '../build-burn.ts'
import { buildFlax, flaxArray } from '../build-flax.ts'
import { TINY_LLAMA, buildGgml } from '../build-ggml.ts'
import { buildHdf5 } from '../build-hdf5.ts'
import { buildMarian, buildNpy } from '../build-npy.ts'
import { buildCheckpointIndex, checkpointEntries } from '../build-protobuf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { tarMember } from '../build-pickle.ts'
import { type ZipPart, buildZip } from '../build-zip.ts'
import { breachOfPrototypes, hold, namedSamples } from './hold-answer.ts'
import { breachOfDraft, inspectPath } from './inspect-for-test.ts'
import { withTexts } from './protobuf-fields.ts'
import { archiveSamples } from './take-apart.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-long-names-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NAME_BYTES = 4_096
/** A bell, an escape, a line's end, marks of direction (two of them Arabic and Syriac), a joiner, a separator, a one-byte escape. */
const MARKS = 'a\u0007\u001b[2J\r\n\u202e\u2066\u200f\u061c\u070f\u2060\u2028\u009b.\u{e0001}'
const NAME = named(NAME_BYTES)
/** As JSON may write it, so that the text around it stays whole. */
const ESCAPED = Buffer.from(JSON.stringify(NAME.toString()).slice(1, -1))
/** Spread over all of a sample. */
const MAX_WORDS = 24
/** Numbers alone. */
const SILENT: readonly string[] = [
  'ncnn/convolution.param.bin',
  '7z/empty.7z',
  'coreml/weight.bin',
  'paddle/linear.pdiparams',
]
/** A hang guard, not a budget. */
const WITHIN_MS = 120_000

function named(bytes: number): Buffer {
  const marks = Buffer.from(MARKS)
  const whole = Buffer.from(MARKS.repeat(Math.floor(bytes / marks.length)))
  return Buffer.concat([whole, Buffer.alloc(bytes - whole.length, 'x')])
}

interface Word {
  readonly start: number
  readonly end: number
}

function wordsOf(bytes: Buffer): readonly Word[] {
  const words = [...bytes.toString('latin1').matchAll(/[\w./:-]+/g)]
  return words.map(({ index, 0: word }) => ({ start: index, end: index + word.length }))
}

/** Not more than `most` of them, from all over the list. */
function spread<T>(list: readonly T[], most: number): readonly T[] {
  const stride = Math.max(1, Math.ceil(list.length / most))
  return list.filter((_, at) => at % stride === 0)
}

/** The bytes between two places replaced. */
function spliced(bytes: Buffer, from: number, to: number, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(to)])
}

type Grow = (bytes: Buffer, word: Word) => Buffer | null

function number(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

/** Lengths in front of a word, as wide as 4,096 takes. */
function lengthInFront(width: number, isBig: boolean): Grow {
  return (bytes, { start, end }) => {
    const at = start - width
    if (at < 0) return null
    const told = isBig ? bytes.readUIntBE(at, width) : bytes.readUIntLE(at, width)
    if (told !== end - start) return null
    const length = Buffer.alloc(width)
    if (isBig) length.writeUIntBE(NAME_BYTES, 0, width)
    else length.writeUIntLE(NAME_BYTES, 0, width)
    return spliced(bytes, at, end, [length, NAME])
  }
}

/** Codes of one-byte lengths, and those of the same for longer words: MessagePack, CBOR, pickle, UBJSON. */
const CODES: readonly (readonly [short: (length: number) => string, long: string])[] = [
  [(length) => `d9${hexOf(length)}`, 'da1000'],
  [(length) => hexOf(0xa0 | length), 'da1000'],
  [(length) => `78${hexOf(length)}`, '791000'],
  [(length) => hexOf(0x60 | length), '791000'],
  [(length) => `8c${hexOf(length)}`, '5800100000'],
  [(length) => `55${hexOf(length)}`, '6c00001000'],
  [(length) => `69${hexOf(length)}`, '4900001000'],
]

function hexOf(value: number): string {
  return (value & 0xff).toString(16).padStart(2, '0')
}

function codeInFront([short, long]: (typeof CODES)[number]): Grow {
  return (bytes, { start, end }) => {
    const code = number(short(end - start))
    const at = start - code.length
    if (at < 0 || !bytes.subarray(at, start).equals(code)) return null
    return spliced(bytes, at, end, [number(long), NAME])
  }
}

/** In a flatbuffer the places that lead to a word are counted from themselves: all of them are led to the end of the file. */
const ledAway: Grow = (bytes, { start, end }) => {
  const at = start - 4
  if (at < 0 || bytes.readUInt32LE(at) !== end - start) return null
  const longer = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
  const target = longer.length
  let isLed = false
  for (let slot = 0; slot + 4 <= at; slot += 4) {
    if (slot + bytes.readUInt32LE(slot) !== at) continue
    longer.writeUInt32LE(target - slot, slot)
    isLed = true
  }
  return isLed ? Buffer.concat([longer, number('00100000'), NAME, Buffer.alloc(4)]) : null
}

const GROWS: readonly Grow[] = [
  lengthInFront(4, false),
  lengthInFront(4, true),
  lengthInFront(2, false),
  lengthInFront(2, true),
  // Six of the eight bytes: what JavaScript writes at once; the others are zero.
  (bytes, word) => (bytes.readUInt16LE(Math.max(0, word.start - 2)) === 0 ? eightInFront(bytes, word) : null),
  ...CODES.map(codeInFront),
  ledAway,
]

function eightInFront(bytes: Buffer, { start, end }: Word): Buffer | null {
  const at = start - 8
  if (at < 0 || bytes.readBigUInt64LE(at) !== BigInt(end - start)) return null
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(NAME_BYTES))
  return spliced(bytes, at, end, [length, NAME])
}

function isTyped(bytes: Buffer): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
}

/** The bytes with one word after the other made long, in every way in which such a word may stand there. */
function grown(bytes: Buffer): readonly Buffer[] {
  const words = wordsOf(bytes)
  const long = words.filter(({ start, end }) => end - start > 2)
  if (isTyped(bytes)) {
    return spread(words, MAX_WORDS).flatMap(({ start, end }) =>
      [NAME, ESCAPED].map((name) => spliced(bytes, start, end, [name])),
    )
  }
  // Where a word ends with a line or a zero nothing counts it; elsewhere all that follows is found at the wrong place.
  const pushed = spread(long, MAX_WORDS).map(({ start, end }) => spliced(bytes, start, end, [NAME]))
  return [...sized(bytes, words), ...withTexts(bytes, NAME), ...pushed]
}

/** With the lengths and places of the words made true. */
function sized(bytes: Buffer, words = wordsOf(bytes)): readonly Buffer[] {
  return spread(
    words.flatMap((word) => GROWS.flatMap((grow) => grow(bytes, word) ?? [])),
    2 * MAX_WORDS,
  )
}

async function breachOf(bytes: Buffer, name: string): Promise<string | null> {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const draft = await inspectPath(path)
  rmSync(path)
  return breachOfDraft(draft) ?? breachOfPrototypes()
}

it('the name is as long as it must be', () => {
  expect(NAME).toHaveLength(NAME_BYTES)
  expect(NAME.toString()).toContain('\u202e')
})

it('most samples have words that can be made long', () => {
  const archives = new Set(archiveSamples().map(({ format, name }) => `${format}/${name}`))
  const plain = namedSamples.filter(([name]) => !archives.has(name))
  const silent = plain.filter(([, { bytes }]) => grown(bytes).length === 0).map(([name]) => name)
  const isTrue = ({ bytes }: { readonly bytes: Buffer }) =>
    isTyped(bytes) || sized(bytes).length + withTexts(bytes, NAME).length > 0

  expect(silent).toEqual(SILENT)
  expect(plain.filter(([, sample]) => isTrue(sample)).length).toBeGreaterThan(plain.length / 2)
})

describe.each(namedSamples)('%s', (_, { name, bytes, format }) => {
  it(
    'is told safely whichever of its words is a long one',
    async () => {
      for (const changed of grown(bytes)) {
        const breach = hold(changed, format).breach ?? (await breachOf(changed, name))
        expect(breach).toBeNull()
      }
    },
    WITHIN_MS,
  )

  it('is what it is in a folder whose path is as long as paths can be', async () => {
    const before = await inspectPath(written(join(folder, name), bytes))
    const deep = join(deepFolder(name), name)
    const draft = await inspectPath(written(deep, bytes))

    expect({ format: draft.format, breach: breachOfDraft(draft) }).toEqual({ format: before.format, breach: null })
  })
})

function written(path: string, bytes: Uint8Array): string {
  writeFileSync(path, bytes)
  return path
}

/** PATH_MAX of Linux counts the zero at the end, NAME_MAX counts bytes. */
const PATH_BYTES = 4_095
const COMPONENT_BYTES = 255

/** A folder in folders of the longest names, so that the path of the file in it is just short enough. */
function deepFolder(name: string): string {
  const component = named(COMPONENT_BYTES).toString().replaceAll('/', '')
  let path = folder
  for (let next = path; Buffer.byteLength(join(next, name)) <= PATH_BYTES; next = join(path, component)) path = next
  const rest = PATH_BYTES - Buffer.byteLength(join(path, name)) - 1
  const last = rest > 0 ? join(path, named(rest).toString()) : path
  mkdirSync(last, { recursive: true })
  return last
}

describe.each(archiveSamples().map((sample) => [`zip: ${sample.format}/${sample.name}`, sample] as const))(
  '%s',
  (_, { name, parts, prefix }) => {
    const answer = async (all: readonly ZipPart[]): Promise<string | null> => {
      const bytes = buildZip(all, { prefix })
      return hold(bytes, undefined, READ_BUDGET).breach ?? (await breachOf(bytes, name))
    }

    it('is told safely whichever of its members has a long name, and whichever else is there', async () => {
      const longs = ['', '.npy', '.gguf', '/data.pkl', '.json'].map((ending) => ({
        name: `${NAME.toString().slice(0, -ending.length || undefined)}${ending}`,
        data: Buffer.from('{}'),
      }))
      const longer = [4_097, 65_535].map((size) => ({ name: named(size).toString(), data: Buffer.from('x') }))
      const renamed = parts.flatMap((part) => [
        { ...part, name: NAME.toString() },
        { ...part, name: `${dirname(part.name)}/${NAME.toString().slice(0, 1_000)}` },
      ])
      const changes = [
        ...[...longs, ...longer].map((extra) => [...parts, extra]),
        ...renamed.map((part, at) => parts.map((old, index) => (index === Math.floor(at / 2) ? part : old))),
      ]
      for (const all of changes) expect(await answer(all)).toBeNull()
    })

    it(
      'is told safely whichever word of a member is a long one',
      async () => {
        const changes = parts.flatMap((part, at) =>
          grown(Buffer.from(part.data)).map((data) =>
            parts.map((old, index) => (index === at ? { ...old, data } : old)),
          ),
        )
        for (const all of changes) expect(await answer(all)).toBeNull()
      },
      WITHIN_MS,
    )
  },
)

/** What holds its words where neither their length nor a place in front of them tells: written by the builders. */
const BUILT: readonly (readonly [file: string, bytes: (name: string) => Buffer])[] = [
  ['m.safetensors', (name) => buildSafetensors({ tensors: [{ name, dtype: 'F32', shape: [2] }] })],
  [
    'metadata.safetensors',
    (name) => buildSafetensors({ header: JSON.stringify({ ['__metadata__']: { [name]: name, format: name } }) }),
  ],
  ['m.npy', (name) => buildNpy({ descr: name })],
  ['shape.npy', (name) => buildNpy({ shape: name })],
  ['m.index', (name) => buildCheckpointIndex([...checkpointEntries(), [name, Buffer.from([8, 1])]])],
  ['marian.bin', (name) => buildMarian([{ name: `${name}\0`, type: 0x104, shape: [2, 2], data: Buffer.alloc(16) }])],
  [
    'tensor.bpk',
    (name) =>
      buildBurn({
        tensors: [{ name, shape: [8], offsets: [0, 32] }],
        entries: [['metadata', { pairs: [[name, name]] }]],
      }),
  ],
  ['token.ggml', (name) => buildGgml({ ...TINY_LLAMA, magic: 'lmgg', tokens: [name, 'a', 'b', name] })],
  [
    'tensor.ggml',
    (name) => buildGgml({ ...TINY_LLAMA, magic: 'lmgg', tensors: [{ name, dims: [8], type: 0, bytes: 32 }] }),
  ],
  ['name.msgpack', (name) => buildFlax([[name.slice(0, 80), flaxArray([2])]])],
  ...[0 as const, 2 as const].map(
    (superblock) =>
      [
        `superblock-${superblock}.h5`,
        (name: string) =>
          buildHdf5(
            {
              attributes: { backend: name, keras_version: name, model_config: JSON.stringify({ class_name: name }) },
              children: { [superblock === 0 ? name : name.slice(0, 80)]: { shape: [1], data: Buffer.alloc(4) } },
            },
            { superblock },
          ),
      ] as const,
  ),
  [
    'longlink.nemo',
    (name) => {
      const long = tarMember('././@LongLink', Buffer.from(`${name}\0`))
      long[156] = 'L'.charCodeAt(0)
      const pax = tarMember('././@PaxHeader', Buffer.from(`4110 path=${name}\n`))
      pax[156] = 'x'.charCodeAt(0)
      const members = ['./model_config.yaml', './model_weights.ckpt', name.slice(0, 40)]
      return Buffer.concat([
        ...members.flatMap((member) => [long, pax, tarMember(member, Buffer.from(`target: ${name}\n`))]),
        Buffer.alloc(1_024),
      ])
    },
  ],
]

it.each(BUILT)('%s is told safely with a long name', async (file, build) => {
  for (const name of [NAME.toString(), `__proto__${NAME.toString()}`, '\u202e'.repeat(1_365)]) {
    const bytes = build(name)
    expect(hold(bytes, undefined, READ_BUDGET).breach ?? (await breachOf(bytes, file))).toBeNull()
  }
})
