// Every published weakness of Keras in notes/corpora.md section 6, row by row: the file that uses it is built here, never loaded, and
// must be malicious with the number of the weakness.
import { describe, expect, it } from '@jest/globals'
import { buildHdf5, kerasModel } from '../../../build-hdf5.ts'
import { kerasMembers } from '../../../build-keras-zip.ts'
import { buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'
import { HARMLESS_CODE, REACHING_CODE } from './marshalled-code.ts'

type Json = Readonly<Record<string, unknown>>

/** A model of one layer, as Keras 3 writes it. */
function archive(layer: Json, more: Parameters<typeof buildZip>[0] = []): Buffer {
  const config = JSON.stringify({
    module: 'keras',
    class_name: 'Sequential',
    config: { name: 's', layers: [layer] },
    registered_name: null,
  })
  const [metadata, , weights] = kerasMembers()
  if (metadata === undefined || weights === undefined) throw new Error('no members')
  return buildZip([metadata, { name: 'config.json', data: Buffer.from(config) }, weights, ...more])
}

/** The same as Keras 2 keeps it in an attribute. */
function hdf5(layer: Json): Buffer {
  const model_config = JSON.stringify({ class_name: 'Sequential', config: { name: 's', layers: [layer] } })
  const model = kerasModel()
  return buildHdf5({ ...model, attributes: { ...model.attributes, model_config } })
}

const gadget = (module: string, name: string): Json => ({
  module,
  class_name: 'function',
  config: name,
  registered_name: 'function',
})
const inLayer = (fn: Json): Json => ({
  module: 'keras.layers',
  class_name: 'Activation',
  config: { name: 'a', activation: fn },
  registered_name: null,
})
const lambda3 = (code: string): Json => ({
  module: 'keras.layers',
  class_name: 'Lambda',
  config: { name: 'l', function: { class_name: '__lambda__', config: { code, defaults: null, closure: null } } },
})
const lambda2 = (code: unknown): Json => ({
  class_name: 'Lambda',
  config: { name: 'l', function: code, function_type: 'lambda', module: '__main__', arguments: {} },
})

const ROWS: readonly (readonly [id: string, how: string, name: string, bytes: Buffer])[] = [
  ['CVE-2024-3660', 'Lambda layer in an archive', 'm.keras', archive(lambda3(REACHING_CODE))],
  ['CVE-2024-3660', 'Lambda layer with code that is none', 'm.keras', archive(lambda3('bm90LXJlYWwtYnl0ZWNvZGU='))],
  [
    'CVE-2025-9905',
    'Lambda layer in HDF5, where safe mode is ignored',
    'm.h5',
    hdf5(lambda2([REACHING_CODE, null, null])),
  ],
  [
    'CVE-2025-9905',
    'the same with a tuple of Keras 2',
    'm.h5',
    hdf5(lambda2({ class_name: '__tuple__', items: [REACHING_CODE, null, null] })),
  ],
  ['CVE-2025-1550', 'function of any module', 'm.keras', archive(inLayer(gadget('os', 'system')))],
  [
    'CVE-2025-1550',
    'class of any module',
    'm.keras',
    archive({ module: 'subprocess', class_name: 'Popen', config: {} }),
  ],
  ['CVE-2025-1550', 'function of Python itself', 'm.keras', archive(inLayer(gadget('builtins', 'exec')))],
  [
    'CVE-2025-1550',
    'type specification of any module',
    'm.keras',
    archive(inLayer({ module: 'os', class_name: '__typespec__', spec_name: 'system', config: [] })),
  ],
  ['CVE-2025-8747', 'keras.utils.get_file', 'm.keras', archive(inLayer(gadget('keras.utils', 'get_file')))],
  [
    'CVE-2025-8747',
    'get_file by its inner module',
    'm.keras',
    archive(gadget('keras.src.utils.file_utils', 'get_file')),
  ],
  [
    'CVE-2025-9906',
    'keras.config.enable_unsafe_deserialization',
    'm.keras',
    archive(inLayer(gadget('keras.config', 'enable_unsafe_deserialization'))),
  ],
  [
    'CVE-2025-49655',
    'TorchModuleWrapper',
    'm.keras',
    archive({ module: 'keras.layers', class_name: 'TorchModuleWrapper', config: { module: 'gASVAAAAAAAAAAA=' } }),
  ],
  [
    'CVE-2025-49655',
    'TorchModuleWrapper by its inner module',
    'm.keras',
    archive({ module: 'keras.src.utils.torch_utils', class_name: 'TorchModuleWrapper', config: {} }),
  ],
]

describe('published weaknesses of Keras', () => {
  it.each(ROWS)('%s: %s', async (id, _how, name, bytes) => {
    const { verdict, ids } = await judgeFile(name, bytes)

    expect({ verdict, hasId: ids.includes(id) }).toEqual({ verdict: 'malicious', hasId: true })
  })

  it('hides no gadget behind escapes, depth or a second key', async () => {
    const escaped = Buffer.from(
      String.raw`{"module":"keras","class_name":"Sequential","config":{"layers":[{"\u006dodule":"\u006fs","class\u005fname":"function","config":"sys\u0074em"}]}}`,
    )
    const twice = Buffer.from('{"class_name":"Dense","class_name":"Lambda","config":{}}')
    const deep = Buffer.from(`${'{"config":'.repeat(200)}1${'}'.repeat(200)}`)
    const [metadata, , weights] = kerasMembers()
    if (metadata === undefined || weights === undefined) throw new Error('no members')
    const judge = (data: Buffer): ReturnType<typeof judgeFile> =>
      judgeFile('m.keras', buildZip([metadata, { name: 'config.json', data }, weights]))

    expect((await judge(escaped)).verdict).toBe('malicious')
    expect((await judge(twice)).isWhole).toBe(false)
    expect((await judge(deep)).isWhole).toBe(false)
    expect((await judge(deep)).verdict).not.toBe('clean')
  })
})

describe('what Keras files do besides', () => {
  it('leaves models of known layers clean, in both containers', async () => {
    const dense = { class_name: 'Dense', config: { units: 2, activation: 'relu' } }
    const relu = inLayer(gadget('builtins', 'relu'))

    expect(
      (await judgeFile('m.keras', archive({ module: 'keras.layers', ...dense, registered_name: null }))).verdict,
    ).toBe('clean')
    expect((await judgeFile('m.keras', archive(relu))).verdict).toBe('clean')
    expect((await judgeFile('m.h5', hdf5(dense))).verdict).toBe('clean')
    expect((await judgeFile('w.weights.h5', buildHdf5(kerasModel()))).verdict).toBe('clean')
  })

  it('calls a Lambda layer that only calculates suspicious, and shows its names', async () => {
    const { verdict, actions } = await judgeFile('m.h5', hdf5(lambda2([HARMLESS_CODE, null, null])))

    expect(verdict).toBe('suspicious')
    expect(actions.find(({ name }) => name === 'keras-lambda')?.facts?.['isRead']).toBe(true)
  })

  it('tells custom classes by whether something is imported for them', async () => {
    const registered = { module: null, class_name: 'Mine', config: {}, registered_name: 'pack>Mine' }
    const imported = { module: 'mine', class_name: 'Mine', config: {}, registered_name: 'pack>Mine' }

    expect(await judgeFile('m.keras', archive(registered))).toMatchObject({
      verdict: 'clean',
      threats: ['keras-registered-class'],
    })
    expect(await judgeFile('m.keras', archive(imported))).toMatchObject({
      verdict: 'suspicious',
      threats: ['keras-unknown-class'],
    })
    expect((await judgeFile('m.h5', hdf5({ class_name: 'Mine', config: {} }))).verdict).toBe('suspicious')
  })

  it('finds a function that Keras 2 looks up by name, and a vocabulary in a file', async () => {
    const named = { class_name: 'Lambda', config: { function: 'system', function_type: 'function', module: 'os' } }
    const words = { class_name: 'StringLookup', config: { vocabulary: '/etc/passwd' } }

    expect((await judgeFile('m.h5', hdf5(named))).verdict).toBe('malicious')
    expect(await judgeFile('m.h5', hdf5(words))).toMatchObject({
      verdict: 'suspicious',
      threats: ['keras-vocabulary-file'],
    })
  })

  it('finds the configuration in an archive with members missing, and behind a block of the user', async () => {
    const config = Buffer.from(JSON.stringify(inLayer(gadget('os', 'system'))))
    const bare = buildZip([{ name: 'config.json', data: config }])
    const other = buildZip([{ name: 'config.json', data: Buffer.from('{"hidden_size": 4096') }])
    const model_config = JSON.stringify(lambda2([REACHING_CODE, null, null]))
    const far = buildHdf5({ attributes: { keras_version: '2.11.0', model_config } }, { userBlock: 8_192 })

    expect((await judgeFile('m.keras', bare)).verdict).toBe('malicious')
    expect((await judgeFile('m.zip', bare)).verdict).toBe('malicious')
    expect((await judgeFile('m.zip', other)).threats).toEqual([])
    expect((await judgeFile('m.h5', far)).verdict).toBe('malicious')
  })

  it('calls nothing clean that a known module merely holds', async () => {
    const held = gadget('keras.src.layers.layer', 'inspect')

    expect((await judgeFile('m.keras', archive(inLayer(held)))).verdict).toBe('suspicious')
    expect((await judgeFile('m.keras', archive(inLayer(gadget('keras.activations', 'relu'))))).verdict).toBe('clean')
  })

  it('tells members that no archive of Keras has', async () => {
    const dense = { module: 'keras.layers', class_name: 'Dense', config: {} }
    const script = archive(dense, [{ name: 'setup.py', data: Buffer.from('print(1)') }])
    const note = archive(dense, [{ name: 'NOTES.md', data: Buffer.from('# notes') }])

    expect(await judgeFile('m.keras', script)).toMatchObject({
      verdict: 'suspicious',
      threats: ['keras-program-member'],
    })
    expect(await judgeFile('m.keras', note)).toMatchObject({ verdict: 'clean', threats: ['keras-other-member'] })
  })

  it('tells what an HDF5 file takes from other files, and follows nothing', async () => {
    const model = kerasModel()
    const children = model.children ?? {}
    const linked = buildHdf5({ ...model, links: { w: { file: '/etc/passwd', object: '/' } } }, { superblock: 2 })
    const stored = buildHdf5({ ...model, children: { ...children, w: { shape: [4], external: '../secret.bin' } } })
    const virtual = buildHdf5({ ...model, children: { ...children, w: { shape: [4], virtual: 'other.h5' } } })
    const soft = buildHdf5({ ...model, links: { w: { object: '/model_weights' } } })

    const told = await Promise.all([linked, stored, virtual, soft].map((bytes) => judgeFile('m.h5', bytes)))
    const outside = told.map(({ actions }) => actions.filter(({ kind }) => kind === 'external-file'))

    expect(told.map(({ verdict }) => verdict)).toEqual(['suspicious', 'suspicious', 'suspicious', 'clean'])
    expect(outside.map(([first]) => [first?.name, first?.shown])).toEqual([
      ['hdf5-external-link', 'w -> /etc/passwd:/'],
      ['hdf5-external-storage', 'w -> ../secret.bin'],
      ['hdf5-virtual-dataset', 'w -> other.h5'],
      ['hdf5-soft-link', 'w -> /model_weights'],
    ])
  })
})
