// What JSON files of models name that lies elsewhere: shards, modules of a pipeline, members of an archive; and files that begin with a
// byte order mark.
import { describe, expect, it } from '@jest/globals'
import { buildSafetensors } from '../../../build-safetensors.ts'
import { SKOPS_SCHEMA } from '../../../build-pickle.ts'
import { buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

const WEIGHTS = buildSafetensors({ tensors: [{ name: 'a.weight', dtype: 'F32', shape: [4] }] })
const CONFIG = { model_type: 'bert', architectures: ['BertModel'], hidden_size: 4, num_hidden_layers: 1 }
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

describe('an index of shards', () => {
  const index = (shard: string) =>
    json({ metadata: {}, weight_map: { 'a.weight': 'model-00001-of-00001.safetensors', 'b.weight': shard } })

  it.each([
    ['../../../etc/passwd', 'external-file-aims-at-system'],
    ['/opt/w.safetensors', 'external-file-leaves-folder'],
    ['..\\w.safetensors', 'external-file-leaves-folder'],
  ])('that names %s is told, by itself and beside its weights', async (shard, threat) => {
    const alone = await judgeFile('model.safetensors.index.json', index(shard))
    expect(alone.threats).toContain(threat)
    const beside = await judgeFile('model.safetensors', WEIGHTS, {
      'config.json': json(CONFIG),
      'model.safetensors.index.json': index(shard),
    })
    expect(beside.threats).toContain(threat)
    expect(beside.verdict).not.toBe('clean')
  })

  it('of shards beside it is accused of nothing', async () => {
    const honest = index('model-00002-of-00002.safetensors')
    expect((await judgeFile('model.safetensors.index.json', honest)).threats).toEqual([])
  })
})

describe('a pipeline of sentence-transformers', () => {
  const modules = (type: string, path = '1_Pooling') => ({
    'config.json': json(CONFIG),
    'modules.json': json([
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path, type },
    ]),
  })

  it.each([
    ['os.system', 'configured-runs-code'],
    ['evil_package.Payload', 'configured-unknown-class'],
  ])('with a module of type %s is told', async (type, threat) => {
    const judged = await judgeFile('model.safetensors', WEIGHTS, modules(type))
    expect(judged.threats).toContain(threat)
    expect(judged.verdict).not.toBe('clean')
  })

  it('with a module in another folder is told', async () => {
    const beside = modules('sentence_transformers.models.Pooling', '../../other')
    expect((await judgeFile('model.safetensors', WEIGHTS, beside)).threats).toContain('external-file-leaves-folder')
  })

  it('as the library writes it is clean', async () => {
    const beside = modules('sentence_transformers.models.Pooling')
    expect(await judgeFile('model.safetensors', WEIGHTS, beside)).toMatchObject({ verdict: 'clean', threats: [] })
  })
})

describe('a skops archive', () => {
  const schema = (file: string) => ({
    __class__: 'ndarray',
    __module__: 'numpy',
    __loader__: 'NdArrayNode',
    type: 'numpy',
    file,
    protocol: 2,
    _skops_version: '0.10.0',
  })
  const archive = (file: string) =>
    buildZip([
      { name: 'schema.json', data: json(schema(file)) },
      { name: '1.npy', data: Buffer.alloc(0) },
    ])

  it.each(['../../../etc/passwd', '/etc/passwd', 'other.npy'])('whose values lie in %s is told', async (file) => {
    const { threats } = await judgeFile('a.skops', archive(file))
    expect(threats.some((id) => id.startsWith('external-file'))).toBe(true)
  })

  it('whose values lie in it is not', async () => {
    for (const bytes of [archive('1.npy'), buildZip([{ name: 'schema.json', data: Buffer.from(SKOPS_SCHEMA) }])]) {
      const { threats } = await judgeFile('a.skops', bytes)
      expect(threats.filter((id) => id.startsWith('external-file'))).toEqual([])
    }
  })
})

describe('a byte order mark', () => {
  const marked = (value: unknown) => Buffer.concat([Buffer.from('efbbbf', 'hex'), json(value)])

  it('hides no class of Python and no module', async () => {
    const beside = {
      'config.json': marked({ ...CONFIG, auto_map: { AutoModel: 'someone/else--modeling.Model' } }),
      'modules.json': marked([{ type: 'os.system' }]),
    }
    const { threats } = await judgeFile('model.safetensors', WEIGHTS, beside)
    expect(threats).toEqual(expect.arrayContaining(['code-of-another-repository', 'configured-runs-code']))
  })

  it('hides no architecture of Keras', async () => {
    const network = {
      class_name: 'Sequential',
      config: { layers: [{ class_name: 'TFOpLambda', config: { function: 'io.read_file' } }] },
    }
    const { threats } = await judgeFile('architecture.json', marked(network))
    expect(threats).toContain('keras-tensorflow-functions-act')
  })
})
