// Names that are there twice: of two parsers one takes the first and one the last, and whoever is shown a harmless first is deceived
// by the second. Every reader says so, or what it says is what the first alone says.
import { describe, expect, it } from '@jest/globals'
import { isDeepStrictEqual } from 'node:util'
import { READ_BUDGET } from '../../agent/read/read-budget.ts'
import { readTar } from '../../agent/read/tar.ts'
import { Cursor, memoryBytes } from '../../agent/read/cursor.ts'
import { buildFlax, flaxArray } from '../build-flax.ts'
import { buildNpy } from '../build-npy.ts'
import { buildPickle, tarMember } from '../build-pickle.ts'
import { len, varint } from '../build-protobuf.ts'
import { buildZip } from '../build-zip.ts'
import type { Probe } from '../conformance/probe.ts'
import { fieldsOf } from './protobuf-fields.ts'
import { type Held, type NamedSample, hold, samples } from './hold-answer.ts'
import { archiveSamples } from './take-apart.ts'

/** What an answer says of the model, wherever its bytes lie. */
function said({ part }: Probe): unknown {
  const { facts: _facts, headerBytes: _headerBytes, tensors, companions: _companions, ...rest } = part
  return { ...rest, tensors: tensors.map(({ offset: _offset, ...tensor }) => tensor) }
}

/** Whether the answer is that of the first name alone, or says that something is wrong; null where it is. */
function deceit(before: Held, now: Held): string | null {
  if (now.breach !== null) return now.breach
  if (now.answer === null || before.answer === null) return 'is recognised no more'
  // An archive of more than arrays is told as an archive, which is to be seen.
  if (before.format === 'numpy' && now.format === 'zip') return null
  if (now.answer.gaps.list().length > before.answer.gaps.list().length) return null
  return isDeepStrictEqual(said(now.answer), said(before.answer)) ? null : 'says something else, and no gap says why'
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

function parsed(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json
  } catch {
    return undefined
  }
}

function isMap(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Another value of the same kind. */
function otherThan(value: Json): Json {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}x`
  if (typeof value === 'boolean') return !value
  return isMap(value) ? {} : []
}

/** The object's text with one key once more at its end, in each way in which a key can be written. */
function doubledTexts(value: { readonly [key: string]: Json }): readonly string[] {
  const whole = JSON.stringify(value)
  return Object.entries(value).flatMap(([key, first]) =>
    [JSON.stringify(key), escaped(key)].flatMap((written) =>
      [otherThan(first), null].map((second) => `${whole.slice(0, -1)},${written}:${JSON.stringify(second)}}`),
    ),
  )
}

/** The same key to every parser that follows RFC 8259. */
function escaped(key: string): string {
  const [first = ''] = key
  return `"\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(key.slice(1)).slice(1)}`
}

/** Texts in which a key of the outermost object, or of one of its values, is there twice. */
function doubledKeys(value: { readonly [key: string]: Json }): readonly string[] {
  const inner = Object.entries(value).flatMap(([key, child]) => {
    if (!isMap(child)) return []
    const whole = JSON.stringify(value)
    const told = `${JSON.stringify(key)}:${JSON.stringify(child)}`
    return doubledTexts(child).map((text) => whole.replace(told, () => `${JSON.stringify(key)}:${text}`))
  })
  return [...doubledTexts(value), ...inner]
}

const texts = samples.flatMap((sample) => {
  const value = parsed(sample.bytes)
  return value !== undefined && isMap(value) ? [{ ...sample, value }] : []
})

it('there are JSON texts among the samples', () => expect(texts.length).toBeGreaterThan(8))

it.each(texts.map((sample) => [`${sample.format.id}/${sample.name}`, sample] as const))(
  'JSON: %s with any key twice',
  (_, { value, format }) => {
    const before = hold(Buffer.from(JSON.stringify(value)))
    const wrong = doubledKeys(value).flatMap((text) => {
      const found = deceit(before, hold(Buffer.from(text), format))
      return found === null ? [] : [`${found}: …${text.slice(-60)}`]
    })

    expect(wrong).toEqual([])
  },
)

const archives = archiveSamples()

describe.each(archives.map((sample) => [`zip: ${sample.format}/${sample.name}`, sample] as const))(
  '%s',
  (_, { parts, prefix }) => {
    const before = hold(buildZip(parts, { prefix }), undefined, READ_BUDGET)
    const other = (data: Uint8Array): Uint8Array => data.map((byte) => byte ^ 0x55)

    it('says so where a second member has the name of one, wherever it stands', () => {
      const doubled = parts.flatMap((part) =>
        [other(part.data), Buffer.alloc(0), part.data].flatMap((data) => {
          const second = { ...part, data }
          return [
            { name: part.name, all: [...parts, second] },
            { name: part.name, all: [second, ...parts] },
          ]
        }),
      )
      for (const { name, all } of doubled) {
        const { breach, answer } = hold(buildZip(all, { prefix }), undefined, READ_BUDGET)
        const verdict = answer?.gaps.verdict()
        expect({ name, breach, verdict }).toEqual({ name, breach: null, verdict: 'malformed' })
      }
    })

    it.each<readonly [string, (name: string) => string]>([
      ['another case', (name) => name.toUpperCase()],
      ['a dot in front', (name) => `./${name}`],
      ['a slash in front', (name) => `/${name}`],
      ['a slash twice', (name) => name.replace('/', '//')],
      ['a way back', (name) => `x/../${name}`],
      ['backslashes', (name) => name.replaceAll('/', '\\')],
      ['a zero behind', (name) => `${name}\0x`],
      ['a space behind', (name) => `${name} `],
    ])('says what it said where a second member differs from one by %s only', (_how, rename) => {
      const wrong = parts.flatMap((part) => {
        const second = { ...part, name: rename(part.name), data: other(part.data) }
        const now = hold(buildZip([...parts, second], { prefix }), undefined, READ_BUDGET)
        const found = deceit(before, now)
        return found === null ? [] : [`${JSON.stringify(second.name)}: ${found}`]
      })

      expect(wrong).toEqual([])
    })
  },
)

interface TarPart {
  readonly name: string
  readonly data: Buffer
}

/** The members of the sample, or null where it is no tar archive. */
function tarParts({ bytes }: NamedSample): readonly TarPart[] | null {
  if (bytes.toString('latin1', 257, 262) !== 'ustar') return null
  const { members } = readTar(new Cursor(memoryBytes(bytes))) ?? { members: [] }
  return members.map(({ name, dataAt, sizeBytes }) => ({ name, data: bytes.subarray(dataAt, dataAt + sizeBytes) }))
}

function buildTar(parts: readonly TarPart[]): Buffer {
  return Buffer.concat([...parts.map(({ name, data }) => tarMember(name, data)), Buffer.alloc(1_024)])
}

const tars = samples.flatMap((sample) => {
  const parts = tarParts(sample)
  return parts === null ? [] : [[`tar: ${sample.format.id}/${sample.name}`, parts] as const]
})

it('there are tar archives among the samples', () => expect(tars.length).toBeGreaterThan(1))

it.each(
  tars.flatMap(([what, parts]) =>
    ['', './', 'UPPER'].map((how) => [`${what} with a member twice, the second with "${how}"`, parts, how] as const),
  ),
)('%s', (_, parts, how) => {
  const before = hold(buildTar(parts), undefined, READ_BUDGET)
  const wrong = parts.flatMap(({ name, data }) => {
    const second = how === 'UPPER' ? name.toUpperCase() : how === '' ? name : how + name.replace(/^\.\//, '')
    return [data.map((byte) => byte ^ 0x55), Buffer.alloc(0)].flatMap((bytes) => {
      const now = hold(buildTar([...parts, { name: second, data: Buffer.from(bytes) }]), undefined, READ_BUDGET)
      const found = deceit(before, now)
      return found === null ? [] : [`${second}: ${found}`]
    })
  })

  expect(wrong).toEqual([])
})

const PROTOBUF = /\.(?:onnx|mlmodel|caffemodel|pb|meta|pdmodel|model)$/
const messages = samples.flatMap((sample) => {
  const fields = PROTOBUF.test(sample.name) ? fieldsOf(sample.bytes) : null
  return fields === null ? [] : [[`protobuf: ${sample.format.id}/${sample.name}`, sample, fields] as const]
})

it('there are protobuf messages among the samples', () => expect(messages.length).toBeGreaterThan(6))

it.each(messages)('%s with any field once more is answered', (_, { bytes, format }, fields) => {
  for (const { key, wire, whole, content } of fields) {
    const turned = Buffer.from(content).map((byte) => byte ^ 1)
    const other = wire === 2 ? len(key >> 3, turned) : Buffer.concat([varint(key), turned])
    const none = wire === 2 ? len(key >> 3, '') : whole
    const changes = [whole, other, none].flatMap((more) => [Buffer.concat([bytes, more]), Buffer.concat([more, bytes])])
    for (const changed of changes) expect(hold(changed, format).breach).toBeNull()
  }
})

it('tar: headers that belong to the next member are no doubles', () => {
  const [, parts = []] = tars[0] ?? []
  const pax = tarMember('././@PaxHeader', Buffer.from('20 mtime=1700000000.5\n'))
  pax[156] = 'x'.charCodeAt(0)
  const bytes = Buffer.concat([...parts.flatMap(({ name, data }) => [pax, tarMember(name, data)]), Buffer.alloc(1_024)])

  expect(hold(bytes).answer?.gaps.list()).toEqual([])
})

it('an archive of NumPy is a model still where it has one member more', () => {
  const data = buildNpy({ shape: '40, 40', data: Buffer.alloc(6_400) })
  const names = ['layers.0.dense.kernel', 'layers.0.dense.bias']
  const parts = [...names.map((name) => ({ name: `${name}.npy`, data })), { name: 'x', data: Buffer.from('x') }]
  const { breach, format, answer } = hold(buildZip(parts), undefined, READ_BUDGET)

  expect({ breach, format, holds: answer?.part.holds }).toEqual({ breach: null, format: 'zip', holds: 'weights' })
  expect(answer?.part.tensors.map(({ name }) => name)).toEqual(names)
})

describe('a container of its own kind', () => {
  it('msgpack: says so where a layer has a name twice', () => {
    const now = hold(buildFlax([['kernel', flaxArray([2, 2])]]))

    expect({ breach: now.breach, verdict: now.answer?.gaps.verdict() }).toEqual({ breach: null, verdict: 'malformed' })
  })

  it('pickle: answers where a dictionary has a key twice', () => {
    const key = Buffer.from('K\u0001K\u0002s', 'latin1')
    const whole = buildPickle(new Map([['a', [1, 2]]]))
    const doubled = Buffer.concat([whole.subarray(0, -1), key, key, Buffer.from('.')])

    expect(hold(doubled).breach).toBeNull()
  })
})
