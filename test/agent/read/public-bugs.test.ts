// Public bugs of other formats (shared/notes/corpora.md section 6). What a file would run is judged elsewhere: here its container is
// read safely, and what is named is told and never looked up.
import { describe, expect, it } from '@jest/globals'
import { buildPte } from '../../build-edge-models.ts'
import { buildHdf5 } from '../../build-hdf5.ts'
import { kerasMembers } from '../../build-keras-zip.ts'
import { buildPickle, buildTorchZip, tarMember } from '../../build-pickle.ts'
import { buildZip } from '../../build-zip.ts'
import { readBytes } from './read-bytes.ts'

const LAMBDA = JSON.stringify({ class_name: 'Lambda', config: { function: { class_name: '__lambda__', config: 'x' } } })
const SCHEMA = (loader: string) => JSON.stringify({ __class__: 'a', __module__: 'os', __loader__: loader, content: {} })
const keras = (config: string) =>
  buildZip(kerasMembers().map((part) => (part.name === 'config.json' ? { ...part, data: Buffer.from(config) } : part)))

describe('a container of a known threat is read and nothing in it is run', () => {
  it.each([
    ['a Keras Lambda (CVE-2024-3660)', 'keras-zip', keras(LAMBDA)],
    [
      'a Keras module of its own (CVE-2025-1550)',
      'keras-zip',
      keras('{"module":"os","class_name":"system","config":{}}'),
    ],
    ['a Lambda in HDF5 (CVE-2025-9905)', 'keras-h5', buildHdf5({ attributes: { model_config: LAMBDA } })],
    [
      'a skops OperatorFuncNode (CVE-2025-54412)',
      'skops',
      buildZip([{ name: 'schema.json', data: Buffer.from(SCHEMA('OperatorFuncNode')) }]),
    ],
    [
      'a skops MethodNode (CVE-2025-54413)',
      'skops',
      buildZip([{ name: 'schema.json', data: Buffer.from(SCHEMA('MethodNode')) }]),
    ],
    [
      'a call in data.pkl (CVE-2025-32434)',
      'pytorch-zip',
      buildTorchZip({ value: { call: 'os.system', args: ['true'] } }),
    ],
    ['a call in a pickle (CVE-2020-13092)', 'pickle', buildPickle({ call: 'os.system', args: ['true'] })],
  ])('%s', (_what, format, bytes) => {
    const answer = readBytes(bytes)

    expect(answer.format).toBe(format)
    expect(['unchecked', 'malformed']).toContain(answer.verdict)
  })

  it('a NeMo archive with a target in its configuration (CVE-2025-23304)', () => {
    const yaml = Buffer.from('_target_: os.system\nname: x\n')
    const bytes = Buffer.concat([tarMember('model_config.yaml', yaml), Buffer.alloc(1_024)])

    expect(['unchecked', 'malformed']).toContain(readBytes(bytes).verdict)
  })

  it.each(Array.from({ length: 9 }, (_, field) => field))('an ExecuTorch plan without field %i (PR 16704)', (field) => {
    const { format, verdict } = readBytes(buildPte({ without: [field] }).bytes)

    expect(format).toBe('executorch')
    expect(['unchecked', 'malformed']).toContain(verdict)
  })
})
