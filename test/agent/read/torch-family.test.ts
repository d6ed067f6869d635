// The readers of PyTorch's containers and of pickles: good files give their tensors, and every lie is told.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'
import { patternBytes } from '../../build-gguf.ts'
import {
  LINEAR_STORAGES,
  type Py,
  SKOPS_SCHEMA,
  type TorchTensor,
  buildJoblib,
  buildPickle,
  buildTorchLegacy,
  buildTorchTar,
  buildTorchZip,
  joblibArray,
  linearState,
  numpyArray,
  orderedDict,
  torchMembers,
  torchTensor,
} from '../../build-pickle.ts'
import { type ZipPart, buildZip } from '../../build-zip.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-torch-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What `gnomon inspect` would say of these bytes. */
async function inspect(bytes: Uint8Array, name = 'sample') {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const { format, verdict, fingerprint, gaps } = await inspectFile(path)
  return { format, verdict, ...fingerprint, codes: gaps.map(({ code }) => code) }
}

const state = orderedDict(linearState())
const whole = { value: state, storages: LINEAR_STORAGES }
const legacy = {
  value: state,
  keys: ['0', '1'],
  storages: [
    { elements: 12, bytes: 48 },
    { elements: 3, bytes: 12 },
  ],
}

/** A checkpoint of one tensor, some of whose fields differ from [3, 4] in a storage of 12. */
function oneTensor(lies: Partial<TorchTensor>): Buffer {
  const tensor = torchTensor({ key: '0', elements: 12, shape: [3, 4], strides: [4, 1], ...lies })
  return buildTorchZip({ value: orderedDict(new Map([['w', tensor]])), storages: [48] })
}

function withMembers(change: (members: readonly ZipPart[]) => readonly ZipPart[]): Buffer {
  return buildZip(change(torchMembers(whole)))
}

it('is read from the folder that torch reads: that of its first member', async () => {
  const [pickle, ...rest] = torchMembers(whole)
  const decoy = torchMembers({ value: orderedDict(new Map()), root: 'decoy/' })
  const members = [...rest, ...decoy, ...(pickle === undefined ? [] : [pickle])]

  expect((await inspect(buildZip(members))).structure).toMatchObject({ tensorCount: 2, parameterCount: 15 })
})

describe('the samples of test/corpus/read', () => {
  const samples: readonly (readonly [path: string, bytes: Buffer])[] = [
    ['pytorch-zip/linear.pt', buildTorchZip(whole)],
    ['pytorch-legacy/linear.pt', buildTorchLegacy(legacy)],
    ['pytorch-tar/linear.pth.tar', buildTorchTar(6, 24)],
    ['joblib/array.joblib', buildJoblib([joblibArray('f4', [2, 3], patternBytes(24, 1))])],
    [
      'pickle/array.pkl',
      buildPickle(new Map([['coef', numpyArray('f4', [2, 3], patternBytes(24, 1))]]), { protocol: 3 }),
    ],
    ['pickle/list-protocol-0.pkl', buildPickle(['one', 2, 3.5, true, null], { protocol: 0 })],
  ]

  it.each(samples)('%s is what its builder writes', (path, bytes) => {
    expect(readFileSync(join(import.meta.dirname, '../../corpus/read', path)).equals(bytes)).toBe(true)
  })
})

describe('a state dictionary of 15 numbers', () => {
  it.each([
    ['pytorch-zip', buildTorchZip(whole)],
    ['pytorch-zip', buildZip(torchMembers(whole), { isZip64: true, align: 64 })],
    ['pytorch-zip', buildTorchZip({ ...whole, value: new Map<Py, Py>([['state_dict', state]]) })],
    ['pytorch-legacy', buildTorchLegacy(legacy)],
  ])('is found in %s with its layout', async (format, bytes) => {
    const found = await inspect(bytes)

    expect(found).toMatchObject({ format, verdict: 'unchecked' })
    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 15, tensorTypes: { F32: 2 } })
    expect(found.container).toMatchObject({ byteOrder: 'little', calls: 5, protocols: '2' })
    expect(found.barcode?.isComplete).toBe(true)
  })

  it('is the same model whether its checkpoint wraps it in state_dict or not', async () => {
    const bare = await inspect(buildTorchZip(whole))
    const wrapped = await inspect(buildTorchZip({ ...whole, value: new Map<Py, Py>([['state_dict', state]]) }))

    expect(wrapped.structure?.layoutDigest).toBe(bare.structure?.layoutDigest)
  })

  it.each(['HalfStorage', 'BFloat16Storage', 'CharStorage', 'DoubleStorage'])('knows %s', async (storage) => {
    const found = await inspect(oneTensor({ storage, elements: 6, shape: [6], strides: [1] }))

    const types = { HalfStorage: 'F16', BFloat16Storage: 'BF16', CharStorage: 'I8', DoubleStorage: 'F64' }
    expect(found).toMatchObject({ verdict: 'unchecked', structure: { parameterCount: 6 } })
    expect(found.structure?.quantization).toBe(new Map(Object.entries(types)).get(storage))
  })
})

describe('a lying checkpoint is malformed', () => {
  const firstStorage = buildTorchZip(whole).indexOf('archive/data/0') - 30
  const traversal = oneTensor({ key: '../../etc/passwd' })
  const bomb = withMembers((members) =>
    members.map((member, index) =>
      index === 0 ? { name: member.name, data: Buffer.alloc(40_000_000), method: 8 } : member,
    ),
  )

  it.each([
    ['a tensor larger than its storage', oneTensor({ shape: [3, 5], strides: [5, 1] }), 'GNO_READ_TRUNCATED'],
    ['a tensor that begins behind its storage', oneTensor({ offset: 12 }), 'GNO_READ_TRUNCATED'],
    ['a storage that declares more than its member', oneTensor({ elements: 13, offset: 1 }), 'GNO_READ_TRUNCATED'],
    ['sizes whose product wraps', oneTensor({ shape: [2 ** 40, 2 ** 40], strides: [0, 0] }), 'GNO_READ_LIMIT'],
    ['a storage that is not there', oneTensor({ key: '7' }), 'GNO_READ_TRUNCATED'],
    ['a storage called by a path', traversal, 'GNO_READ_INVALID'],
    ['strides that do not fit the sizes', oneTensor({ strides: [1] }), 'GNO_READ_INVALID'],
    [
      'a member that is there twice',
      withMembers((members) => [...members, ...members.slice(0, 1)]),
      'GNO_READ_INVALID',
    ],
    [
      'a pickle with another name in its own header',
      withMembers((members) =>
        members.map((member, index) => (index === 0 ? { ...member, localName: 'archive/data.txt' } : member)),
      ),
      'GNO_READ_INVALID',
    ],
    [
      'a pickle cut short',
      withMembers((members) =>
        members.map((member, index) => (index === 0 ? { ...member, data: member.data.subarray(0, 60) } : member)),
      ),
      'GNO_READ_TRUNCATED',
    ],
    ['a pickle that unpacks to 40 MB', bomb, 'GNO_READ_LIMIT'],
    ['an archive cut before its directory', buildTorchZip(whole).subarray(0, 700), 'GNO_READ_TRUNCATED'],
    [
      'two storages in the same bytes',
      withMembers((members) =>
        members.map((member) => (member.name.endsWith('/1') ? { ...member, headerAt: firstStorage } : member)),
      ),
      'GNO_READ_OVERLAP',
    ],
  ])('%s', async (_, bytes, code) => {
    const found = await inspect(bytes)

    expect(found).toMatchObject({ format: 'pytorch-zip', verdict: 'malformed' })
    expect(found.codes).toContain(code)
  })

  it.each([
    ['a storage that declares 2^64-1 numbers', { ...legacy, storages: [{ elements: -1n, bytes: 48 }] }],
    ['storages cut short', { ...legacy, storages: [{ elements: 12, bytes: 40 }] }],
    ['a key that no tensor names', { ...legacy, keys: ['0', '9'] }],
  ])('in five pickles: %s', async (_, spec) => {
    expect(await inspect(buildTorchLegacy(spec))).toMatchObject({ format: 'pytorch-legacy', verdict: 'malformed' })
  })

  it('in a tar archive: a storage of more numbers than it has', async () => {
    expect(await inspect(buildTorchTar(600, 24))).toMatchObject({ format: 'pytorch-tar', verdict: 'malformed' })
  })

  it('in a joblib dump: an array larger than the file', async () => {
    const bytes = buildJoblib([joblibArray('f8', [1_000_000], patternBytes(8, 1))])

    expect(await inspect(bytes)).toMatchObject({ format: 'joblib', verdict: 'malformed' })
  })
})

it('calls an encrypted checkpoint unscannable, never clean', async () => {
  const bytes = withMembers((members) => members.map((member) => ({ ...member, isEncrypted: true })))

  const found = await inspect(bytes)

  expect(found).toMatchObject({ format: 'pytorch-zip', verdict: 'unscannable' })
  expect(found.codes).toContain('GNO_READ_LOCKED')
})

describe('leftovers of training', () => {
  const parameter = torchTensor({ key: '0', elements: 12, shape: [3, 4], strides: [4, 1] })

  function optimizer(keys: readonly string[], group: ReadonlyMap<Py, Py>): Buffer {
    const first = new Map<Py, Py>([['step', 7], ...keys.map((key) => [key, parameter] as const)])
    const value = new Map<Py, Py>([
      ['state', new Map<Py, Py>([[0, first]])],
      ['param_groups', [new Map<Py, Py>([['lr', 0.25], ...group])]],
    ])
    return buildTorchZip({ value, storages: [48] })
  }

  it.each([
    ['AdamW', ['exp_avg', 'exp_avg_sq'], [['weight_decay', 0.01]]],
    [
      'AdamW',
      ['exp_avg', 'exp_avg_sq'],
      [
        ['weight_decay', 0],
        ['decoupled_weight_decay', true],
      ],
    ],
    ['Adam', ['exp_avg', 'exp_avg_sq'], [['weight_decay', 0]]],
    ['Lion', ['exp_avg'], [['betas', [0.9, 0.99]]]],
    ['Adafactor', ['exp_avg_sq_row', 'exp_avg_sq_col'], []],
    ['8-bit AdamW', ['state1', 'state2', 'qmap1', 'qmap2'], [['weight_decay', 0.01]]],
    ['SGD with momentum', ['momentum_buffer'], [['momentum', 0.9]]],
  ] as const)('tell %s by the keys of its state', async (name, keys, group) => {
    const found = await inspect(optimizer(keys, new Map<Py, Py>(group.map(([key, value]) => [key, value]))))

    expect(found).toMatchObject({ format: 'pytorch-zip', verdict: 'unchecked' })
    expect(found.training).toEqual({ kind: 'optimizer-state', optimizer: name, step: 7, learningRates: [0.25] })
    expect(found.container?.['optimizerStateKeys']).toBe(['step', ...keys].join(','))
  })

  it('leave the optimizer out of the tensors of a whole checkpoint', async () => {
    const inside = new Map<Py, Py>([
      ['state', new Map<Py, Py>([[0, new Map([['exp_avg', parameter]])]])],
      ['param_groups', [new Map<Py, Py>([['betas', [0.9, 0.99]]])]],
    ])
    const value = new Map<Py, Py>([
      ['model', state],
      ['optimizer', inside],
      ['epoch', 3],
    ])

    const found = await inspect(buildTorchZip({ value, storages: LINEAR_STORAGES }))

    expect(found.training).toMatchObject({ kind: 'checkpoint', optimizer: 'Lion', epoch: 3 })
    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 15 })
  })

  it('tell the state of a schedule from weights (scheduler.pt)', async () => {
    const value = new Map<Py, Py>([
      ['base_lrs', [0.5]],
      ['last_epoch', 40],
      ['_step_count', 41],
      ['_last_lr', [0.125]],
      ['lr_lambdas', [null]],
    ])

    const found = await inspect(buildTorchZip({ value }))

    expect(found).toMatchObject({
      verdict: 'unchecked',
      training: { kind: 'schedule-state', step: 40, learningRates: [0.125] },
    })
  })

  it('tell random states from weights (rng_state.pth)', async () => {
    const bytes = torchTensor({ storage: 'ByteStorage', key: '0', elements: 5056, shape: [5056], strides: [1] })
    const value = new Map<Py, Py>([
      ['python', { tuple: [3, { tuple: [1, 2, 3] }, null] }],
      ['numpy', { tuple: ['MT19937', numpyArray('u4', [2], patternBytes(8, 1)), 624, 0, 0] }],
      ['cpu', bytes],
    ])

    const found = await inspect(buildTorchZip({ value, storages: [5056] }))

    expect(found).toMatchObject({ verdict: 'unchecked', training: { kind: 'random-state' } })
  })

  it('read the learning rate and the schedule of training arguments', async () => {
    const fields = new Map<Py, Py>([
      ['learning_rate', 0.5],
      ['max_steps', 100],
      ['lr_scheduler_type', { call: 'transformers.trainer_utils.SchedulerType', args: ['cosine'] }],
    ])
    const value: Py = { newobj: 'transformers.training_args.TrainingArguments', state: fields }

    const found = await inspect(buildTorchZip({ value }))

    const wanted = { kind: 'configuration', framework: 'transformers', maxSteps: 100, schedule: 'cosine' }
    expect(found.training).toMatchObject({ ...wanted, learningRates: [0.5] })
  })
})

describe('containers around them', () => {
  it('name the classes of a skops schema', async () => {
    const found = await inspect(buildZip([{ name: 'schema.json', data: Buffer.from(SKOPS_SCHEMA), method: 8 }]))

    expect(found).toMatchObject({ format: 'skops', verdict: 'unchecked' })
    expect(found.container?.['classes']).toContain('sklearn.linear_model._logistic.LogisticRegression')
  })

  it('unpack a joblib dump of gzip, and leave other gzip alone', async () => {
    const packed = gzipSync(buildJoblib([joblibArray('f4', [2, 3], patternBytes(24, 1))]))

    expect(await inspect(packed)).toMatchObject({ format: 'joblib', container: { compression: 'gzip' } })
    expect((await inspect(gzipSync(Buffer.from('plain text\n'.repeat(99))))).format).not.toBe('joblib')
  })
})

interface Entry {
  readonly file: string
  readonly format: string
  readonly expect: { readonly facts: { readonly n_members?: number } }
}

const corpus = join(import.meta.dirname, '../../../../shared/corpus/benign')
const isPresent = existsSync(corpus)
if (!isPresent) console.warn(`corpus: absent, ${corpus} is not there, so the corpus test is skipped`)
const check = isPresent ? it : it.skip

check('every benign file of the family is named, and agrees with the manifest on its members', async () => {
  const names: Readonly<Record<string, readonly string[]>> = {
    pytorch: ['pytorch-zip', 'pytorch-legacy'],
    'pytorch-legacy': ['pytorch-legacy'],
    'pytorch-tar': ['pytorch-tar'],
    torchscript: ['torchscript'],
    pickle: ['pickle'],
    skops: ['skops'],
  }
  const files = new Set(readdirSync(corpus))
  const manifest = JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as readonly Entry[]
  const looked = manifest.filter(({ file, format }) => names[format] !== undefined && files.has(file))

  for (const { file, format, expect: wanted } of looked) {
    const draft = await inspectFile(join(corpus, file))

    const members = wanted.facts.n_members
    expect({ file, verdict: draft.verdict }).toEqual({ file, verdict: 'unchecked' })
    expect(names[format]).toContain(draft.format)
    if (members !== undefined)
      expect({ file, ...draft.fingerprint.container }).toMatchObject({ file, memberCount: members })
  }
  expect(looked.length).toBeGreaterThanOrEqual(40)
})
