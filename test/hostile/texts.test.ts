// Words from a file are chosen by strangers: controls, marks that turn the direction of writing, halves of characters, names that
// mean something to JavaScript, and thousands of bytes of each. Whatever a reader reports of them must fit the wire and be safe to print.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { formats } from '../../agent/read/formats.ts'
import { buildBurn } from '../build-burn.ts'
import { buildFlatbuffer, number, table, tables, text as flatText } from '../build-flatbuffer.ts'
import { buildFlax, flaxArray } from '../build-flax.ts'
import { array, buildGguf, text } from '../build-gguf.ts'
import { buildHdf5 } from '../build-hdf5.ts'
import { buildNpz } from '../build-npy.ts'
import { type Py, buildPickle, buildTorchZip, tarMember, torchTensor } from '../build-pickle.ts'
import { buildOnnx, buildTfjs, len, onnxNode } from '../build-protobuf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { modelConfig, tokenizerConfig } from '../build-side-files.ts'
import { buildZip } from '../build-zip.ts'
import { samplesOf } from '../conformance/probe.ts'
import { breachOfDraft, inspectPath } from './inspect-for-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-texts-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A bell, an escape, a line's end, a right-to-left override, an isolate, a word joiner, a character of two halves. */
const MARKS = '\u0007\u001b[2J\r\n\u202e\u2066\u2060\u{1f600}\u200b'
const LONG = MARKS.repeat(400).slice(0, 1_900)
/** Cut at any even or odd place, a half remains. */
const HALVES = `x${'\u{1f600}'.repeat(1_023)}`
const NAMES: readonly string[] = [LONG, HALVES, '__proto__', 'constructor', 'toString', 'hasOwnProperty', '']

async function breach(name: string, bytes: Uint8Array): Promise<string | null> {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const draft = await inspectPath(path)
  rmSync(path)
  return breachOfDraft(draft)
}

type Build = (name: string) => Uint8Array

const quotedText = (bytes: Uint8Array, name: string, word: string): Buffer =>
  Buffer.from(Buffer.from(bytes).toString('utf8').replaceAll(JSON.stringify(word), JSON.stringify(name)))

/** One text field each, where the builders let a test choose it. */
const FIELDS: readonly (readonly [field: string, file: string, build: Build])[] = [
  [
    'general.name',
    'm.gguf',
    (name) =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['general.name', text(name)],
        ],
      }),
  ],
  [
    'general.license',
    'm.gguf',
    (name) =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['general.license', text(name)],
        ],
      }),
  ],
  [
    'general.tags',
    'm.gguf',
    (name) =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['general.tags', array('string', [name, name])],
        ],
      }),
  ],
  ['the architecture', 'm.gguf', (name) => buildGguf({ kv: [['general.architecture', text(name)]] })],
  [
    'a key',
    'm.gguf',
    (name) =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          [name.slice(0, 250), text('x')],
        ],
      }),
  ],
  [
    'a tensor',
    'm.gguf',
    (name) =>
      buildGguf({ kv: [['general.architecture', text('llama')]], tensors: [{ name: name.slice(0, 60), dims: [8] }] }),
  ],
  [
    'a tokenizer model',
    'm.gguf',
    (name) =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['tokenizer.ggml.model', text(name)],
          ['tokenizer.ggml.tokens', array('string', [name, 'a'])],
        ],
      }),
  ],
  ['a tensor', 'm.safetensors', (name) => buildSafetensors({ tensors: [{ name, dtype: 'F32', shape: [2] }] })],
  [
    'metadata',
    'm.safetensors',
    (name) =>
      buildSafetensors({
        header: JSON.stringify({
          ['__metadata__']: { format: name, 'modelspec.title': name, 'modelspec.author': name },
        }),
      }),
  ],
  ['a tensor', 'm.onnx', (name) => buildOnnx({ tensors: [{ name, shape: [4, 3] }] })],
  [
    'a location',
    'm.onnx',
    (name) => buildOnnx({ tensors: [{ name: 'w', shape: [4, 3], external: { location: name } }] }),
  ],
  [
    'producer, domain and metadata',
    'm.onnx',
    (name) =>
      Buffer.concat([
        buildOnnx(),
        len(2, name),
        len(3, name),
        len(4, name),
        len(6, name),
        len(14, Buffer.concat([len(1, name), len(2, name)])),
        len(7, len(1, onnxNode(name, { domain: name }))),
      ]),
  ],
  [
    'a storage',
    'm.pt',
    (name) =>
      buildTorchZip({
        value: new Map<Py, Py>([[name, torchTensor({ key: name, elements: 4, shape: [4], strides: [1] })]]),
        storages: [16],
      }),
  ],
  ['a global', 'm.pkl', (name) => buildPickle([{ call: `os.${name}`, args: [name] }, name])],
  [
    'a member',
    'm.zip',
    (name) =>
      buildZip([
        { name, data: Buffer.from('x') },
        { name: `${name}.gguf`, data: buildGguf({}) },
      ]),
  ],
  ['a member', 'm.tar', (name) => Buffer.concat([tarMember(name.slice(0, 30), Buffer.from('x')), Buffer.alloc(1_024)])],
  ['an array', 'm.npz', (name) => buildNpz({ [`${name}/kernel`]: {}, [`${name}/bias`]: {} })],
  [
    'a dataset and an attribute',
    'm.h5',
    (name) =>
      buildHdf5({
        attributes: { backend: name, keras_version: name, model_config: JSON.stringify({ class_name: name }) },
        children: { [`a${name.slice(0, 200)}`]: { shape: [1], data: Buffer.alloc(4) } },
      }),
  ],
  [
    'a tensor and an entry',
    'm.bpk',
    (name) =>
      buildBurn({
        tensors: [{ name, shape: [8], offsets: [0, 32] }],
        entries: [['metadata', { pairs: [['author', name]] }]],
      }),
  ],
  ['a layer', 'm.msgpack', (name) => buildFlax([[name.slice(0, 50), flaxArray([2])]])],
  ['a path', 'model.json', (name) => buildTfjs([name, `${name}.bin`])],
  [
    'a class',
    'm.skops',
    (name) =>
      buildZip([
        {
          name: 'schema.json',
          data: Buffer.from(
            JSON.stringify({
              __class__: name,
              __module__: name,
              __loader__: name,
              _skops_version: name,
              protocol: name,
            }),
          ),
        },
      ]),
  ],
  ['a chat template', 'tokenizer_config.json', (name) => quotedText(tokenizerConfig(), name, 'x')],
  ['an architecture', 'config.json', (name) => quotedText(modelConfig(), name, 'llama')],
  [
    'an author',
    'm.litertlm',
    (name) => {
      const header = buildFlatbuffer([
        table([tables([[flatText(name), number('uint8', 9), table([flatText(name)])]])]),
        table([tables([])]),
      ]).bytes
      const start = Buffer.alloc(32)
      start.write('LITERTLM', 'latin1')
      start.writeUInt32LE(1, 8)
      start.writeBigUInt64LE(BigInt(32 + header.length), 24)
      return Buffer.concat([start, header])
    },
  ],
]

describe.each(FIELDS)('%s of %s', (_field, file, build) => {
  it.each(NAMES.map((name) => [JSON.stringify(name.slice(0, 12)), name]))(
    'is told safely where it is %s…',
    async (_, name) => {
      expect(await breach(file, build(name))).toBeNull()
      expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(12)
    },
  )
})

/** Same length, so that every place and count stays true: words of the sample become marks. */
function marked(bytes: Buffer, mark: Buffer): readonly Buffer[] {
  const words = [...bytes.toString('latin1').matchAll(/[\w.-]{4,}/g)]
  return words.slice(0, 200).map(({ index, 0: word }) => {
    const changed = Buffer.from(bytes)
    changed.fill(mark, index, index + word.length)
    return changed
  })
}

const samples = formats.flatMap(({ id }) => samplesOf(id).map((sample) => ({ ...sample, id })))

it.each(samples.map((sample) => [`${sample.id}/${sample.name}`, sample] as const))(
  '%s is told safely whichever of its words is made of marks',
  async (_, { name, bytes }) => {
    const changed = ['\u202e', '\u001b', '\u{1f600}', '\u009b'].flatMap((mark) => marked(bytes, Buffer.from(mark)))
    for (const variant of changed) expect(await breach(name, variant)).toBeNull()
  },
  120_000,
)
